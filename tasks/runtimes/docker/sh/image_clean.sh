#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib docker
# values: CLUSTER
# Cleans up after the image was distributed: removes the server and the pieces.
docker_cli || :
dk rm -f "rayfab_seed_$CLUSTER" >/dev/null 2>&1
rm -rf "$NODE/image.parts"
