#!/bin/sh
# shellcheck shell=sh disable=SC2034
# values: CLUSTER
# The answer is marked lines on standard output. Everything else there is chatter.
LC_ALL=C
export LC_ALL
HOME=${HOME:-$(cd && pwd)}
PATH=${PATH:-/usr/bin:/bin}:/usr/local/bin:/usr/local/sbin:/usr/sbin:/sbin
export HOME PATH
ROOT=$HOME/.rayfab
NODE=$ROOT/$CLUSTER
UNIT=rayfab-$CLUSTER
NL='
'
one_line() {
    case $1 in *"$NL"*) printf '%s' "$1" | tr '\n' ' ' ;; *) printf '%s' "$1" ;; esac
}
emit() {
    case $2 in
        *"$NL"*) printf '%s kv %s %s\n' "$RF_MARK" "$1" "$(one_line "$2")" ;;
        *) printf '%s kv %s %s\n' "$RF_MARK" "$1" "$2" ;;
    esac
}
# echo, since a last line without a newline would run into the next marked line.
emit_text() { sed "s/^/$RF_MARK text $1 /" && echo; }
step() { printf '%s step %s\n' "$RF_MARK" "$1"; }
finish() {
    printf '\n%s end %s\n' "$RF_MARK" "$1"
    exit "$1"
}
fail() {
    emit error "$1"
    [ -z "${2-}" ] || emit hint "$2"
    finish 1
}
have() { command -v "$1" >/dev/null 2>&1; }
nap() { sleep 0.2 2>/dev/null || sleep 1; }
# Writes a file completely or not at all. $1: path, $2: mode, $3: text.
write_file() {
    rm -f "$1.new" && (umask 077 && : >"$1.new") && chmod "$2" "$1.new" &&
        printf '%s' "$3" >"$1.new" && mv -f "$1.new" "$1" ||
        fail "cannot write $1" "free some space, or make the folder writable for $(id -un)"
}
# Runs a command as root, without a standard input.
as_root() { as_root_in "$@" </dev/null; }
# The same, and the command reads this standard input. The password reaches sudo through a pipe from a builtin, never as
# an argument. Whether sudo reads it depends on the command, so a mark follows: nothing before it reaches the command.
as_root_in() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif [ -z "${RF_SUDO-}" ]; then
        sudo -k -n "$@"
    else
        # shellcheck disable=SC2016
        { printf '%s\nrayfab: go\n' "$RF_SUDO" && cat; } | sudo -k -S -p "${rf_prompt-}" sh -c \
            'while IFS= read -r rf_line && [ "$rf_line" != "rayfab: go" ]; do :; done; exec "$@"' sh "$@"
    fi
}
# Whether as_root works: asked once, since sudo may wait long for a name server. $rf_sudo_says: sudo's own words.
can_root() {
    if [ -z "${rf_root-}" ]; then
        rf_root=0
        rf_sudo_says=
        [ "$(id -u)" != 0 ] || return 0
        if have sudo; then
            # %p: whose password sudo wants
            rf_prompt='password of %p: '
            rf_sudo_says=$(as_root true 2>&1) || rf_root=1
            rf_prompt=
        else
            rf_root=1
        fi
    fi
    return "$rf_root"
}
