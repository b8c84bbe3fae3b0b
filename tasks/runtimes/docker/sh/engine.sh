#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: ABSENT_HINT BY_HAND CONFLICT_HINT FETCH_HINT LOCK_SECONDS NAMES
# What all package managers share: progress, waiting for another one's lock, and a failure's reason in one line.
rf_log=$NODE/engine.log
rf_wrote=
rf_locked='could not get lock|unable to lock|unable to acquire the dpkg|another process using|management is locked|waiting for cache lock'
# Runs a command with its output in a file, and reports progress. $1: what is being done; then the command.
watched() {
    rf_what=$1
    shift
    [ -n "$rf_waits" ] || step "$rf_what"
    "$@" >"$rf_log" 2>&1 &
    rf_job=$!
    rf_t0=$(date +%s)
    rf_n=0
    while kill -0 "$rf_job" 2>/dev/null; do
        nap
        rf_n=$((rf_n + 1))
        [ $((rf_n % 10)) = 0 ] || continue
        if tail -n 1 "$rf_log" | grep -qiE "$rf_locked"; then
            step "waiting for another package manager, $(($(date +%s) - rf_t0)) s"
        else
            step "$rf_what, $(($(date +%s) - rf_t0)) s"
        fi
    done
    wait "$rf_job"
}
# Like watched, and tries again while another package manager is at work.
patient() {
    rf_since=$(date +%s)
    rf_waits=
    until watched "$@"; do
        grep -qiE "$rf_locked" "$rf_log" || return 1
        if [ $(($(date +%s) - rf_since)) -ge "$LOCK_SECONDS" ]; then
            rf_last=$(grep -iE "$rf_locked" "$rf_log" | tail -n 1)
            undo
            fail "another package manager has been running here for $LOCK_SECONDS s: $rf_last" "run this again when it has ended"
        fi
        rf_waits=1
        step "waiting for another package manager, $(($(date +%s) - rf_since)) s"
        sleep 2
    done
}
# Writes a file as root. $1: path, $2: text, which is no secret.
root_file() {
    # shellcheck disable=SC2016
    as_root sh -c 'mkdir -p "${1%/*}" && printf "%s\n" "$2" >"$1" && chmod 644 "$1"' sh "$1" "$2"
}
# Removes package sources that were added and failed, so that they do not break the host's own updates.
undo() {
    rm -f "$rf_log"
    # shellcheck disable=SC2086
    [ -z "$rf_wrote" ] || as_root rm -rf $rf_wrote
}
# Fails with one line and a hint, from the output of the package manager.
give_up() {
    tail -n 15 "$rf_log" | emit_text log
    rf_all=$(cat "$rf_log")
    rf_last=$(grep -iE '^ *(E:|error|problem|fatal|curl error)' "$rf_log" | tail -n 1)
    [ -n "$rf_last" ] || rf_last=$(grep -vE '^[[:space:]]*$' "$rf_log" | tail -n 1)
    undo
    case $rf_all in
        *"No space left"* | *"enough free space"* | *"more space needed"* | *"Disk Requirements"*)
            fail "no space for Docker's packages" "free some space in /var" ;;
        *"remove is disabled"* | *"conflicts with "* | *"are in conflict"* | *"held broken packages"*)
            fail "Docker's packages conflict with what is installed here" "$CONFLICT_HINT" ;;
        *"NO_PUBKEY"* | *"is not signed"* | *"signature"* | *"GPG check FAILED"*)
            fail "the packages of Docker are not signed by a key known here: $rf_last" "$FETCH_HINT" ;;
        *"Could not resolve"* | *"Temporary failure"* | *"Could not connect"* | *"onnection timed out"* | *"onnection refused"* | \
            *"Failed to fetch"* | *"rror(s) for "* | *"Curl error"* | *"Cannot download"* | *"ownload"*"failed"* | \
            *"failed retrieving"* | *"does not have a Release file"* | *"ertificate verif"*)
            fail "cannot fetch Docker's packages: $rf_last" "$FETCH_HINT" ;;
        *"Unable to locate package"* | *"no installation candidate"* | *"No match for argument"* | *"Unable to find a match"* | \
            *"No package "*" available"* | *"No provider of"* | *"not found in package names"* | *"target not found"*)
            fail "the package sources of this host have no $NAMES" "$ABSENT_HINT" ;;
        *) fail "cannot install Docker: $rf_last" "by hand: $BY_HAND" ;;
    esac
}
