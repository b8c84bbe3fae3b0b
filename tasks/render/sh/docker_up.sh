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
dk rm -f -v "$UNIT" >/dev/null 2>&1 || :
rm -f "$NODE/state.json"
# The image's user may have any uid: the folder is open to all and sticky, as /tmp itself is.
if [ ! -d "$TEMP_DIR" ]; then
    [ -d "${TEMP_DIR%/*}" ] || : >"$NODE/made-tmp"
    mkdir -p "$TEMP_DIR" && chmod 1777 "$TEMP_DIR" || fail "cannot make $TEMP_DIR"
else
    chmod 1777 "$TEMP_DIR" 2>/dev/null || as_root chmod 1777 "$TEMP_DIR" 2>/dev/null || :
fi
# A container with another user cannot replace these in a sticky folder, and logs are found by the first.
rf_kept=
for rf_file in session_latest ray_current_cluster prom_metrics_service_discovery.json; do
    rm -f "$TEMP_DIR/$rf_file" 2>/dev/null || as_root rm -f "$TEMP_DIR/$rf_file" 2>/dev/null || rf_kept="$rf_kept /tmp/ray/$rf_file"
done
# shellcheck disable=SC2086
[ -z "$rf_kept" ] || dk run --rm --user 0 --network none --volume "$TEMP_DIR:/tmp/ray" --entrypoint rm "$IMAGE" -f $rf_kept >/dev/null 2>&1 ||
    emit note "cannot remove what another user has left in $TEMP_DIR:$rf_kept"
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
    rf_said=$(sed -e '/docker run --help/d' -e '/^[[:space:]]*$/d' "$NODE/install.log" | tail -n 3)
    rm -f "$NODE/install.log" "$NODE/container.env"
    dk rm -f "$UNIT" >/dev/null 2>&1
    case $rf_said in
        *"could not select device driver"* | *nvidia-container* | *"nvidia.com/gpu"*)
            rf_hint="NVIDIA's container toolkit is missing or broken, or the engine has not started over since it came: sudo systemctl restart docker; gpus: 0 does without"
            ;;
        *"setting rlimit"*) rf_hint='a container cannot have that many open files here; less, by: docker: {run_args: ["--ulimit=nofile=1024"]}' ;;
        *"user namespaces"*) rf_hint='docker: {run_args: ["--userns=host"]}' ;;
        *) rf_hint= ;;
    esac
    fail "docker run failed: $rf_said" "$rf_hint"
}
rm -f "$NODE/install.log" "$NODE/container.env"
wait_ray docker
write_file "$NODE/state.json" 600 "$STATE"
