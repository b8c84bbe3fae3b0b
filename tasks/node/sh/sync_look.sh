#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib sync
# values: DELETE DEST PATHS
# Says which of these paths below DEST are there, as ls lists them, and the SHA-256 of each file.
rf_batch() {
    rf_do=$1
    rf_kind=$2
    set --
    while IFS= read -r rf_path; do
        case $rf_kind in
            file) [ -f "$rf_path" ] && [ ! -h "$rf_path" ] || continue ;;
            *) [ -e "$rf_path" ] || [ -h "$rf_path" ] || continue ;;
        esac
        set -- "$@" "$rf_path"
        # as many as surely fit a command line
        if [ $# -ge 200 ]; then
            "$rf_do" "$@"
            set --
        fi
    done
    [ $# = 0 ] || "$rf_do" "$@"
}
rf_list() { ls -lnd "$@" 2>/dev/null | emit_text there; }
rf_summed() { sync_sums "$@" 2>/dev/null | emit_text sum; }
[ -d "$DEST" ] || [ ! -e "$DEST" ] || fail "$DEST is not a folder on this host" "name another folder, or remove that file"
if [ -d "$DEST" ]; then
    cd "$DEST" || fail "cannot enter $DEST" "may $(id -un) do that? ls -ld $DEST"
    step "reading what is in $DEST"
    printf '%s\n' "$PATHS" | rf_batch rf_list any
    printf '%s\n' "$PATHS" | rf_batch rf_summed file
    [ -z "$DELETE" ] || find . ! -type d -print 2>/dev/null | emit_text found
fi
[ -z "$(sync_python)" ] || emit serves 1
