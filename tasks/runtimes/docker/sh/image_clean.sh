#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# After the image has been handed on: no server and no pieces stay.
docker_cli || :
dk rm -f "rayfab_seed_$CLUSTER" >/dev/null 2>&1
rm -rf "$NODE/image.parts"
