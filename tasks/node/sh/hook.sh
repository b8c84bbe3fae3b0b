#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: ENVIRONMENT FOLDER HOOK HOOK_FILE
# Runs one hook: a line for sh, or a whole file with what its first line names. Its output is chatter, passed on.
rf_run() {
    # the words of an #! line are a program and at most one argument
    # shellcheck disable=SC2086
    if [ -n "$HOOK_FILE" ]; then
        env "$@" ${rf_with:-sh} "$rf_hook"
    else
        env "$@" sh -c "$HOOK"
    fi
}
[ -z "$FOLDER" ] || cd "$FOLDER" || fail "there is no folder $FOLDER" "the hosts file must be in a folder that can be entered"
if [ -n "$HOOK_FILE" ]; then
    # run by its interpreter, since programs may be forbidden in this folder
    (umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
    rf_hook=$NODE/hook-$RF_MARK
    # where nothing is deployed, nothing of this stays
    trap 'rm -f "$rf_hook"; rmdir "$NODE" "$ROOT" 2>/dev/null' EXIT
    write_file "$rf_hook" 600 "$HOOK"
    rf_with=$(sed -n '1s/^#! *//p' "$rf_hook")
fi
with_environment rf_run </dev/null 2>&1
finish $?
