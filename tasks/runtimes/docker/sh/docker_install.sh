#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# The image on this host, pulled where it is not there.
image_begin
if ! image_about '' >/dev/null; then pull_here; fi
image_tell
rm -rf "$NODE/image.parts"
