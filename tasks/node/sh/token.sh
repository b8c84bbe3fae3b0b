#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# Prints the head's token, which is the cluster's. If there is none yet, the one in RF_TOKEN is kept.
(umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
if [ ! -s "$NODE/token" ]; then
    [ -n "${RF_TOKEN-}" ] || fail "there is no token on the head" "fab deploy-cluster makes one"
    write_file "$NODE/token" 600 "$RF_TOKEN"
fi
IFS= read -r rf_value <"$NODE/token" || :
emit token "$rf_value"
