#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: TEMP_DIR
# Makes Ray's own folder where there is none, and remembers it, and what it made, for logs and for a destroy.
ray_folder() {
    [ ! -r "$NODE/temp" ] || grep -vxF "$TEMP_DIR" "$NODE/temp" >>"$NODE/temps" || :
    write_file "$NODE/temp" 600 "$TEMP_DIR$NL"
    rf_dir=$TEMP_DIR
    while [ -n "$rf_dir" ] && [ ! -d "$rf_dir" ]; do
        printf '%s\n' "$rf_dir" >>"$NODE/made"
        rf_dir=${rf_dir%/*}
    done
    [ "$rf_dir" != "$TEMP_DIR" ] || return 0
    { mkdir -p "$TEMP_DIR" && chmod 1777 "$TEMP_DIR"; } 2>/dev/null || as_root install -d -m 1777 "$TEMP_DIR" ||
        fail "cannot make $TEMP_DIR" "ray.temp_dir: a folder that $(id -un) may make"
}
