#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib authorities docker docker_session kept node not_started ray_folder store_for wait_ray keep_temp
# values: CLUSTER CONTAINER_USER IMAGE RAY_USER RECORD RUN SPILL_DIR STATE STORE_FOR TEMP_DIR TRYING
# Replaces this node's container and waits for Ray.
docker_cli || fail "Docker's engine does not answer" "look at: docker version"
(umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
rf_old=$(node_service)
if [ "$rf_old" != none ]; then
    note_sessions "$rf_old"
    step "stopping the previous node"
    node_down "$rf_old"
    [ "$rf_old" = docker ] || node_do "$rf_old" gone
fi
# a killed run may have left its image server running
dk rm -f -v "$UNIT" "rayfab_seed_$CLUSTER" >/dev/null 2>&1 || :
rm -f "$(docker_life)" "$TEMP_DIR/$UNIT.json" 2>/dev/null || :
not_started
head_volume() { dk_in run --rm --user 0:0 --network none --volume "$UNIT-gcs:/var/lib/rayfab" --workdir /var/lib/rayfab "$@"; }
# The state of a head is in a volume, which outlives the container and belongs to the user that Ray has there.
if ! store_same; then
    dk volume rm -f "$UNIT-gcs" >/dev/null 2>&1
    store_drop
fi
if [ -n "$STORE_FOR" ] && [ -d "$NODE/gcs" ]; then
    # from a backup, or from the head before
    step "filling the volume for the head's state"
    dk volume rm -f "$UNIT-gcs" >/dev/null 2>&1
    # shellcheck disable=SC2016
    rf_said=$(tar -C "$NODE/gcs" -cf - . | head_volume -i --entrypoint sh "$IMAGE" -c 'mkdir -p gcs && tar -C gcs -xf - && chown -R "$0" .' "${RAY_USER:-0:0}" 2>&1) ||
        fail "cannot put the state into the volume $UNIT-gcs: $(one_line "$rf_said")" "it is in $NODE/gcs; ray.state: memory does without"
    rm -rf "$NODE/gcs"
    store_note
elif [ -n "$STORE_FOR" ] && ! { [ -r "$NODE/gcs.for" ] && dk volume inspect "$UNIT-gcs" >/dev/null 2>&1; }; then
    step "making the volume for the head's state"
    rf_said=$(dk volume create "$UNIT-gcs" 2>&1 && head_volume --entrypoint chown "$IMAGE" "${RAY_USER:-0:0}" . 2>&1 </dev/null) ||
        fail "cannot make the volume $UNIT-gcs: $(one_line "$rf_said")" "ray.state: memory does without"
    store_note
fi
rf_lines=$(container_session)
rf_direct=$(container_no_proxy)
# The image's user may have any uid, so the folder is writable for all and sticky, like /tmp.
ray_folder
for rf_dir in "$TEMP_DIR" ${SPILL_DIR:+"$SPILL_DIR"}; do chmod 1777 "$rf_dir" 2>/dev/null || as_root chmod 1777 "$rf_dir" 2>/dev/null || :; done
# So is that of a head's journal of jobs; nobody else gets into the folder above it.
mkdir -p "$NODE/jobs" && chmod 1777 "$NODE/jobs" || fail "cannot make $NODE/jobs"
# Files of another user stop Ray: links that the sticky bit protects, and logs of a session that a worker
# rejoins. A container takes them over, since its uids may differ from this host's. On a Mac owners do not matter.
rf_strange=
if [ -n "$RAY_USER" ] && [ "$(uname)" != Darwin ]; then
    rf_strange=$(
        {
            printf '%s\n' "$UNIT.json" session_latest ray_current_cluster prom_metrics_service_discovery.json tmp_prom_metrics_service_discovery.json
            sed 's|.*/||' "$NODE/sessions" 2>/dev/null | sort -u
        } | while IFS= read -r rf_file; do
            rf_owner=$(ls -ldn "$TEMP_DIR/$rf_file" 2>/dev/null | awk '{ print $3 }')
            if [ -n "$rf_owner" ] && [ "$rf_owner" != "${RAY_USER%%:*}" ]; then printf ' %s' "$rf_file"; fi
        done
    )
fi
if [ -n "$rf_strange" ]; then
    step "taking over files of another user in $TEMP_DIR"
    # shellcheck disable=SC2086,SC2016
    dk run --rm --user 0:0 --network none --volume "$TEMP_DIR:/tmp/ray" --entrypoint sh "$IMAGE" -c 'cd /tmp/ray || exit
        for f; do
            case $f in
                session_[0-9]*) chown -R "$0" "$f" ;;
                *) rm -f "$f" ;;
            esac
        done' "$RAY_USER" $rf_strange >/dev/null 2>&1 || emit note "another user has left files in $TEMP_DIR that may keep Ray from starting:$rf_strange"
fi
case $TEMP_DIR in /tmp/*) rf_cleared=1 ;; *) rf_cleared= ;; esac
if [ -n "$rf_cleared" ] && [ -d /run/systemd/system ]; then
    can_root && keep_temp "$TEMP_DIR" ||
        emit note "if a boot clears /tmp, the container cannot write $TEMP_DIR; ask root for: echo 'd $TEMP_DIR 1777' >/etc/tmpfiles.d/$UNIT.conf"
fi
write_file "$NODE/service" 600 docker
write_file "$NODE/user" 600 "$CONTAINER_USER"
# Docker reads the token from a file of mode 0600, so that it is in no argument list.
write_file "$NODE/container.env" 600 "${RF_TOKEN:+RAY_AUTH_TOKEN=$RF_TOKEN$NL}${rf_lines:+$rf_lines$NL}"
[ -z "${RF_TOKEN-}" ] || write_file "$NODE/token" 600 "$RF_TOKEN"
if [ -f "$NODE/authorities.pem" ]; then
    { system_authorities || image_authorities; } 2>/dev/null | join_authorities ||
        fail "cannot write $NODE/ca.pem" "free some space below $HOME"
fi
rm -f "$NODE/hold"
step "starting the container"
sessions_before
with_run dk run --env-file "$NODE/container.env" --env "no_proxy=$rf_direct" --env "NO_PROXY=$rf_direct" >"$NODE/install.log" 2>&1 || {
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
# the images that were used here, the newest last
rf_id=$(dk inspect -f '{{.Image}}' "$UNIT" 2>/dev/null) || rf_id=
[ -z "$rf_id" ] || write_file "$NODE/images" 600 "$(grep -vxF "$rf_id" "$NODE/images" 2>/dev/null)$NL$rf_id$NL"
[ -n "$TRYING" ] || record_started "$RECORD"
