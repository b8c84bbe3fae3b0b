#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: SPILL_DIR TEMP_DIR
# Makes the folder $1, writable for every user and sticky, like /tmp, where there is none, and remembers what it made.
# $2: the key of the hosts file.
make_folder() {
    rf_dir=$1
    while [ -n "$rf_dir" ] && [ ! -d "$rf_dir" ]; do
        printf '%s\n' "$rf_dir" >>"$NODE/made"
        rf_dir=${rf_dir%/*}
    done
    [ "$rf_dir" != "$1" ] || return 0
    { mkdir -p "$1" && chmod 1777 "$1"; } 2>/dev/null || as_root install -d -m 1777 "$1" ||
        fail "cannot make $1" "$2: a folder that $(id -un) may make"
}
# Makes Ray's own folder and the one for spilled objects, and remembers them for logs and for a destroy.
ray_folder() {
    [ ! -r "$NODE/temp" ] || grep -vxF "$TEMP_DIR" "$NODE/temp" >>"$NODE/temps" || :
    write_file "$NODE/temp" 600 "$TEMP_DIR$NL"
    make_folder "$TEMP_DIR" ray.temp_dir
    [ -n "$SPILL_DIR" ] || return 0
    grep -qsxF "$SPILL_DIR" "$NODE/spills" || printf '%s\n' "$SPILL_DIR" >>"$NODE/spills"
    make_folder "$SPILL_DIR" ray.spill_dir
}
