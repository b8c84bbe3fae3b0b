#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib uv_batch proxy
# Makes the environment from the locked files in the store; nothing is downloaded.
: >"$rf_log" || fail "cannot write $rf_log" "free some space below $HOME"
rm -f "$rf_log.batch"
own_begin "$NODE/installing" RAYFAB_INSTALL
env_fresh
make_env
rm -f "$rf_env/.batch"
proxy_on
install_from_store
