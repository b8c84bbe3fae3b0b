#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: COMMAND PROGRAM AS_ROOT
# Runs one command on the host itself, as the login user or as root. Its output is chatter, passed on line by line.
on_host() { "$@"; }
if [ "$AS_ROOT" = 1 ]; then
    can_root || fail "cannot become root${rf_sudo_says:+: $rf_sudo_says}" "sudo_password in the hosts file"
    on_host() { as_root "$@"; }
fi
with_command on_host sh -c "$PROGRAM" run 2>&1
rf_status=$?
case $rf_status in
    126 | 127)
        # a program may end with this status itself
        with_command on_host sh -c "$PROGRAM" find >/dev/null 2>&1 || emit missing "$rf_status"
        ;;
esac
finish "$rf_status"
