#!/bin/sh
# shellcheck shell=sh
# Becomes the program "$@", in a separate shell in the node's environment: so no function or builtin of a script
# runs in its place, and a missing program is reported in the same way on a host and in a container.
# $0: run, or find for the status alone.
find_program() {
    case $1 in
        '') return 127 ;;
        */*)
            [ -e "$1" ] || return 127
            [ -f "$1" ] && [ -x "$1" ] || return 126
            return 0
            ;;
    esac
    found=127
    set -f
    IFS=:
    for folder in $PATH; do
        [ -f "${folder:-.}/$1" ] || continue
        if [ -x "${folder:-.}/$1" ]; then return 0; fi
        found=126
    done
    return "$found"
}
status=0
find_program "$1" || status=$?
if [ "$0" = find ]; then exit "$status"; fi
case $status in
    0) exec "$@" ;;
    126) printf '%s: not executable\n' "$1" ;;
    *) printf '%s: there is no such program\n' "$1" ;;
esac
exit "$status"
