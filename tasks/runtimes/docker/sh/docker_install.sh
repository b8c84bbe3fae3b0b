#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib about image pull
# Pulls the image if it is not on this host, and reads its versions.
image_begin
if ! image_about '' >/dev/null; then pull_here; fi
image_tell
rm -rf "$NODE/image.parts"
