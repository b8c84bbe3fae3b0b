#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib root_copy
# values: SPILL_DIR
# With root and systemd: makes Ray's folder at each boot, since a boot may clear /tmp, writable for the image's user
# (Docker would make it root's), and excludes it from the periodic cleaning of old files; so, too, the folder for spilled
# objects where a boot or a cleaning would find it, and the folder of temporary files that start.sh makes.
keep_temp() {
    rf_text=
    for rf_dir in "$1" "$SPILL_DIR"; do
        case $rf_dir in /tmp/* | /var/tmp/* | /run/* | /dev/shm/*) rf_text="${rf_text}d $rf_dir 1777 root root -${NL}x $rf_dir/*$NL" ;; esac
    done
    [ -n "$rf_text" ] || return 0
    write_file "$NODE/tmpfiles" 644 "${rf_text}x /tmp/$UNIT-*$NL"
    root_copy "$NODE/tmpfiles" "/etc/tmpfiles.d/$UNIT.conf"
}
