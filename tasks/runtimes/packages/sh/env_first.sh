#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib envs
# values: ENV_ID
# Ends the script if the environment is complete: then nothing is downloaded or installed.
(umask 077 && mkdir -p "$NODE/envs") || fail "cannot make $NODE/envs" "free some space, or make the folder writable for $(id -un)"
if env_whole "$NODE/envs/$ENV_ID"; then
    emit changed 0
    finish 0
fi
