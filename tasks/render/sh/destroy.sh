#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# Everything of this cluster's leaves this host, and nothing else does.
rf_service=$(node_service)
rf_any=
for rf_file in "$NODE"/*; do
    # the lock is this run's own
    if [ -e "$rf_file" ] && [ "$rf_file" != "$NODE/lock" ]; then rf_any=1; fi
done
[ -n "$rf_any" ] || {
    emit changed 0
    finish 0
}
if [ "$rf_service" != none ]; then
    step "stopping Ray"
    note_sessions "$rf_service"
    node_down "$rf_service"
fi
step "removing files"
node_temp
[ ! -e "/etc/tmpfiles.d/$UNIT.conf" ] || as_root rm -f "/etc/tmpfiles.d/$UNIT.conf"
case $rf_service in
    docker)
        dk rm -f -v "$UNIT" "rayfab_seed_$CLUSTER" >/dev/null 2>&1 || [ -z "$(dk ps -aq -f "name=^/$UNIT\$")" ] ||
            fail "cannot remove the container $UNIT" "look at: docker ps -a"
        ;;
    system)
        as_root rm -f "/etc/systemd/system/$UNIT.service"
        as_root systemctl daemon-reload
        ;;
    user)
        rm -f "$HOME/.config/systemd/user/$UNIT.service"
        for rf_dir in user/default.target.wants user; do
            rmdir "$HOME/.config/systemd/$rf_dir" 2>/dev/null || :
        done
        rmdir "$HOME/.config/systemd" 2>/dev/null || :
        [ ! -e "$NODE/made-config" ] || rmdir "$HOME/.config" 2>/dev/null || :
        user_systemctl daemon-reload 2>/dev/null || :
        [ ! -e "$NODE/made-linger" ] || loginctl disable-linger 2>/dev/null || :
        ;;
    agent) [ ! -e "$NODE/made-agents" ] || rmdir "$HOME/Library/LaunchAgents" 2>/dev/null || : ;;
esac
[ ! -r "$NODE/sessions" ] || while IFS= read -r rf_dir; do
    # a container on a bridge calls its folder otherwise than the host does
    case $rf_dir in "$TEMP_DIR"/session_*/* | /tmp/ray/session_*/* | /var/tmp/ray/session_*/* | *..*) continue ;; esac
    case $rf_dir in "$TEMP_DIR"/session_* | /tmp/ray/session_* | /var/tmp/ray/session_*) ;; *) continue ;; esac
    for rf_dir in "$rf_dir" "$TEMP_DIR/${rf_dir##*/}"; do
        if [ ! -d "$rf_dir" ] || [ -h "$rf_dir" ]; then continue; fi
        rm -rf "$rf_dir" 2>/dev/null || as_root rm -rf "$rf_dir" 2>/dev/null || emit left "$rf_dir"
    done
done <"$NODE/sessions"
node_logs
if [ -h "$TEMP_DIR/session_latest" ] && [ ! -d "${rf_logs%/logs}" ]; then
    rm -f "$TEMP_DIR/session_latest" "$TEMP_DIR/ray_current_cluster" "$TEMP_DIR/prom_metrics_service_discovery.json" 2>/dev/null ||
        as_root rm -f "$TEMP_DIR/session_latest" "$TEMP_DIR/ray_current_cluster" "$TEMP_DIR/prom_metrics_service_discovery.json"
fi
rmdir "$TEMP_DIR" 2>/dev/null || as_root rmdir "$TEMP_DIR" 2>/dev/null || :
[ ! -e "$NODE/made-tmp" ] || rmdir "${TEMP_DIR%/*}" 2>/dev/null || :
rm -rf "$NODE" || fail "cannot remove $NODE"
# The shared uv and its cache go with the last cluster.
rf_left=
for rf_file in "$ROOT"/*/service "$ROOT"/*/envs; do [ ! -e "$rf_file" ] || rf_left=1; done
[ -n "$rf_left" ] || rm -rf "$ROOT"
emit changed 1
