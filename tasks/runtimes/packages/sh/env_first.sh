#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib envs
# values: ENV_ID
# Ends the script if the environment is complete: then nothing is downloaded or installed.
rf_env=$NODE/envs/$ENV_ID
rf_log=$NODE/install.log
(umask 077 && mkdir -p "$NODE/envs") || fail "cannot make $NODE/envs" "free some space, or make the folder writable for $(id -un)"
if env_whole "$rf_env"; then
    emit changed 0
    finish 0
fi
