#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib store
# values: PYTHON_FILE PYTHON_VERSION
# Unpacks a build of Python from the store, for all clusters of this host.
python_said() { "$1" -I -c 'import ssl, sys, zipfile; print("Python " + sys.version.split()[0])' 2>&1; }
python_works() { [ "$(python_said "$1")" = "Python $PYTHON_VERSION" ]; }
# Sets PYTHON to the interpreter of the build. One that works is left alone; one that does not is replaced as a whole.
python_unpack() {
    rf_home=$ROOT/.python/cpython-$PYTHON_VERSION
    rf_python=$rf_home/bin/python3
    PYTHON=$rf_python
    if python_works "$rf_python"; then return 0; fi
    step "unpacking Python $PYTHON_VERSION"
    # what interrupted runs have left
    for rf_new in "$ROOT"/.python/*.part.*; do
        if [ -e "$rf_new" ] && ! kill -0 "${rf_new##*.}" 2>/dev/null; then rm -rf "$rf_new"; fi
    done
    rf_new=$rf_home.part.$$
    rm -rf "$rf_new"
    (umask 077 && mkdir -p "$rf_new") || fail "cannot make $rf_new" "free some space, or make the folder writable for $(id -un)"
    rf_said=$({ gzip -dc <"$STORE/$PYTHON_FILE" 2>/dev/null || : >"$rf_new/cut"; } | (cd "$rf_new" && tar -xof - 2>&1)) ||
        python_fails "${rf_said:-tar failed}"
    [ ! -e "$rf_new/cut" ] || python_fails "$PYTHON_FILE is not complete"
    rf_said=$(python_said "$rf_new/python/bin/python3")
    [ "$rf_said" = "Python $PYTHON_VERSION" ] || python_fails "$rf_said"
    # rename() puts nothing into a folder that another run has put there meanwhile, as mv would. What does not work is
    # moved aside and not removed: one that works may be in its place by then, and this run then puts its own there.
    rf_turn=0
    until "$rf_new/python/bin/python3" -c 'import os, sys; os.rename(sys.argv[1], sys.argv[2])' "$rf_new/python" "$rf_home" 2>/dev/null ||
        python_works "$rf_python"; do
        rf_turn=$((rf_turn + 1))
        [ "$rf_turn" -le 9 ] || python_fails "$rf_home cannot be replaced"
        mv "$rf_home" "$rf_new/old.$rf_turn" 2>/dev/null || :
    done
    rm -rf "$rf_new"
}
# $1: what went wrong
python_fails() {
    rm -rf "$rf_new"
    rf_last=$(printf '%s\n' "$1" | grep -v '^[[:space:]]*$' | tail -n 1)
    case $1 in
        *"o space left"* | *"isk quota exceeded"* | *"ot enough space"*)
            fail "the disk is full" "free some space below $HOME" ;;
        *GLIBC_*)
            fail "this system is too old for the build of Python $PYTHON_VERSION: $rf_last" "it needs glibc 2.17 or newer; runtime: docker" ;;
        *"ermission denied"*)
            fail "programs cannot run from $ROOT" "its file system is mounted with noexec; mount it without, or runtime: docker" ;;
    esac
    fail "the build of Python $PYTHON_VERSION does not work here: $rf_last" "install Python $PYTHON_VERSION by hand, or runtime: docker"
}
