#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node node_logs outside_*
# values: OUTSIDE PURGE TEMP_DIR
# Removes all that this cluster has put on this host, and nothing else.
# Removes what clusters share, with the last cluster, except what a runtime keeps.
shared_down() {
    rf_left=
    for rf_file in "$ROOT"/*/service "$ROOT"/*/envs "$ROOT"/*/lock; do
        if [ -e "$rf_file" ] || [ -h "$rf_file" ]; then [ "$rf_file" = "$NODE/lock" ] || rf_left=1; fi
    done
    rf_keep=$NL
    for rf_name in $OUTSIDE; do "${rf_name}_shared" "$rf_left" "$PURGE"; done
    [ -z "$rf_left" ] || return 0
    for rf_file in "$ROOT"/* "$ROOT"/.[!.]*; do
        [ "$rf_file" != "$NODE" ] || continue
        case $rf_keep in *"$NL$rf_file$NL"*) continue ;; esac
        [ ! -e "$rf_file" ] || rf_changed=1
        rm -rf "$rf_file"
    done
    rmdir "$ROOT" 2>/dev/null || :
}
rf_service=$(node_service)
rf_any=
for rf_file in "$NODE"/*; do
    # the lock belongs to this run
    if [ -e "$rf_file" ] && [ "$rf_file" != "$NODE/lock" ]; then rf_any=1; fi
done
[ -n "$rf_any" ] || {
    rf_changed=0
    shared_down
    emit changed "$rf_changed"
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
node_do "$rf_service" gone
[ ! -r "$NODE/sessions" ] || while IFS= read -r rf_dir; do
    case ${rf_dir##*/} in session_*) ;; *) continue ;; esac
    # a container sees its folder under another path than the host; an earlier start may have had another one
    case ${rf_dir%/*} in
        *..*) continue ;;
        "$TEMP_DIR" | /tmp/ray | /var/tmp/ray) ;;
        *) grep -qxF "${rf_dir%/*}" "$NODE/temps" 2>/dev/null || continue ;;
    esac
    for rf_dir in "$rf_dir" "$TEMP_DIR/${rf_dir##*/}"; do
        if [ ! -d "$rf_dir" ] || [ -h "$rf_dir" ]; then continue; fi
        rm -rf "$rf_dir" 2>/dev/null || as_root rm -rf "$rf_dir" 2>/dev/null || emit left "$rf_dir"
    done
done <"$NODE/sessions"
node_logs
if [ -h "$TEMP_DIR/session_latest" ] && [ ! -d "${rf_logs%/logs}" ]; then
    # the file that begins with tmp_ is left behind if Ray ends while it writes it
    for rf_file in session_latest ray_current_cluster prom_metrics_service_discovery.json tmp_prom_metrics_service_discovery.json; do
        rm -f "$TEMP_DIR/$rf_file" 2>/dev/null || as_root rm -f "$TEMP_DIR/$rf_file"
    done
fi
rmdir "$TEMP_DIR" 2>/dev/null || as_root rmdir "$TEMP_DIR" 2>/dev/null || :
[ ! -r "$NODE/made" ] || while IFS= read -r rf_dir; do
    rmdir "$rf_dir" 2>/dev/null || as_root rmdir "$rf_dir" 2>/dev/null || :
done <"$NODE/made"
for rf_name in $OUTSIDE; do "${rf_name}_left"; done
rm -rf "$NODE" || fail "cannot remove $NODE"
rf_changed=1
shared_down
emit changed 1
