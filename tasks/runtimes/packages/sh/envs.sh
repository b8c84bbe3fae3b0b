#!/bin/sh
# shellcheck shell=sh
# needs: lib
# Whether the environment $1 is complete: it has every file that its installation listed (older ones have no list).
env_whole() {
    [ -r "$1/.complete" ] && [ -x "$1/bin/ray" ] && "$1/bin/python" -V >/dev/null 2>&1 || return 1
    [ -r "$1/.files" ] || return 0
    (cd "$1" && find . ! -type d ! -name '*.pyc') | RF_LIST=$1/.files awk '
        BEGIN { while ((getline line < ENVIRON["RF_LIST"]) > 0) { listed["./" line] = 1; left++ } }
        $0 in listed { left-- }
        END { exit (left != 0) }'
}
# Writes the environment's list of files, and the mark that it is complete.
env_done() {
    (cd "$1" && find . ! -type d ! -name '*.pyc' | sed 's|^\./||' | sort) >"$1.files" && mv -f "$1.files" "$1/.files" &&
        : >"$1/.complete" || fail "cannot write $1" "free some space below $HOME"
}
