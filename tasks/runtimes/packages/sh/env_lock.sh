#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# Read-only: the lock that the running environment was made from.
[ ! -r "$NODE/env/requirements.lock" ] || emit_text requirements <"$NODE/env/requirements.lock"
