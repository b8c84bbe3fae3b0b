#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib root_copy
# With root and systemd: makes Ray's folder at each boot, since a boot may clear /tmp, writable for the image's user
# (Docker would make it root's), and excludes it from the periodic cleaning of old files.
keep_temp() {
    write_file "$NODE/tmpfiles" 644 "d $1 1777 root root -${NL}x $1/*$NL"
    root_copy "$NODE/tmpfiles" "/etc/tmpfiles.d/$UNIT.conf"
}
