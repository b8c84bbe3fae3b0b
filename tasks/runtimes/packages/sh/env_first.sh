#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib envs home_lock
# values: ENV_ID
# Ends the script if the environment is complete: then nothing is downloaded or installed.
(umask 077 && mkdir -p "$SHARED/envs" "$NODE") || fail "cannot make $SHARED/envs" "free some space, or make the folder writable for $(id -un)"
# so that no other host of this home removes it before this one has started
[ "$NODE" = "$SHARED" ] || { rm -f "$NODE/env.next" && ln -s "$SHARED/envs/$ENV_ID" "$NODE/env.next"; }
env_ready() {
    env_whole "$SHARED/envs/$ENV_ID" || return 0
    emit changed 0
    finish 0
}
env_ready
if [ -d "$SHARED/hosts" ]; then
    home_lock
    # another host may have made it meanwhile
    env_ready
fi
