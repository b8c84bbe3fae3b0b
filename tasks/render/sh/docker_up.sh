#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# Replaces this node's container and waits for Ray.
docker_cli || fail "Docker's engine does not answer" "look at: docker version"
(umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
rf_old=$(node_service)
if [ "$rf_old" != none ]; then
    note_sessions "$rf_old"
    step "stopping what ran before"
    node_down "$rf_old"
fi
# a killed run may have left its server of images here
dk rm -f -v "$UNIT" "rayfab_seed_$CLUSTER" >/dev/null 2>&1 || :
rm -f "$NODE/state.json"
# The image's user may have any uid: the folder is open to all and sticky, as /tmp itself is.
if [ ! -d "$TEMP_DIR" ]; then
    [ -d "${TEMP_DIR%/*}" ] || : >"$NODE/made-tmp"
    mkdir -p "$TEMP_DIR" && chmod 1777 "$TEMP_DIR" || fail "cannot make $TEMP_DIR"
else
    chmod 1777 "$TEMP_DIR" 2>/dev/null || as_root chmod 1777 "$TEMP_DIR" 2>/dev/null || :
fi
case $TEMP_DIR in /tmp/*) rf_cleared=1 ;; *) rf_cleared= ;; esac
if [ -n "$rf_cleared" ] && [ -d /run/systemd/system ]; then
    can_root && keep_temp "$TEMP_DIR" ||
        emit note "if a boot clears /tmp, the container cannot write $TEMP_DIR; ask root for: echo 'd $TEMP_DIR 1777' >/etc/tmpfiles.d/$UNIT.conf"
fi
write_file "$NODE/service" 600 docker
write_file "$NODE/temp" 600 "$TEMP_DIR"
write_file "$NODE/user" 600 "$CONTAINER_USER"
# Docker reads the token from a file of mode 0600, so that no argument list holds it.
write_file "$NODE/container.env" 600 "${RF_TOKEN:+RAY_AUTH_TOKEN=$RF_TOKEN$NL}"
[ -z "${RF_TOKEN-}" ] || write_file "$NODE/token" 600 "$RF_TOKEN"
step "starting the container"
with_run dk run --env-file "$NODE/container.env" >"$NODE/install.log" 2>&1 || {
    rf_said=$(tail -n 3 "$NODE/install.log")
    rm -f "$NODE/install.log" "$NODE/container.env"
    dk rm -f "$UNIT" >/dev/null 2>&1
    fail "docker run failed: $rf_said"
}
rm -f "$NODE/install.log" "$NODE/container.env"
wait_ray docker
write_file "$NODE/state.json" 600 "$STATE"
