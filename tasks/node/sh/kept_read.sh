#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# Read-only: the records of what runs and of what ran before.
for rf_name in started previous; do
    [ ! -r "$NODE/$rf_name" ] || emit_text "$rf_name" <"$NODE/$rf_name"
done
[ ! -e "$NODE/trying" ] || emit trying 1
