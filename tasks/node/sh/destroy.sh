#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib metrics node node_logs outside_* there used
# values: OUTSIDE PURGE TEMP_DIR
# Removes all that this cluster has put on this host, and nothing else.
# Removes what clusters share, with the last cluster, except what a runtime keeps.
shared_down() {
    rf_left=
    for rf_file in "$ROOT"/*/service "$ROOT"/*/envs "$ROOT"/*/lock "$ROOT"/*/hosts; do
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
# On NFS a file that was open stays for a moment under another name.
remove_all() {
    rf_n=0
    until rm -rf "$@" 2>/dev/null || [ ! -e "$1" ]; do
        rf_n=$((rf_n + 1))
        [ "$rf_n" -lt 15 ] || return 1
        nap
    done
}
# Removes this host's own folder, and with the last host of this home what they share.
node_remove() {
    if [ "$NODE" != "$SHARED" ]; then
        remove_all "$NODE" || fail "cannot remove $NODE"
    elif others_here; then
        for rf_file in "$NODE"/* "$NODE"/.[!.]*; do
            case ${rf_file##*/} in hosts | envs | *-base | made-config) ;; *) remove_all "$rf_file" || fail "cannot remove $rf_file" ;; esac
        done
        rm -f "$SHARED/hosts/$HOST_ID"
    else
        remove_all "$NODE" || fail "cannot remove $NODE"
    fi
    # the server decides which host is the last: this one may have an old list of the folder
    if [ -d "$SHARED" ] && { rmdir "$SHARED/hosts" 2>/dev/null || [ ! -e "$SHARED/hosts" ]; }; then
        remove_all "$SHARED" || fail "cannot remove $SHARED"
    fi
}
find_services
rf_any=$rf_services$(node_pids)
for rf_file in "$NODE"/*; do
    # the lock belongs to this run
    [ "$rf_file" != "$NODE/lock" ] || continue
    if [ -e "$rf_file" ]; then rf_any=1; fi
done
[ -n "$rf_any" ] || {
    rf_changed=0
    # this run itself has made an empty folder in a home of several hosts
    [ "$NODE" = "$SHARED" ] || [ ! -d "$NODE" ] || [ -h "$NODE/lock" ] || node_remove
    shared_down
    emit changed "$rf_changed"
    finish 0
}
(umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
metrics_remove
for rf_service in $rf_services; do
    step "stopping Ray"
    note_sessions "$rf_service"
    node_down "$rf_service"
done
node_reap
step "removing files"
node_temp
[ ! -e "/etc/tmpfiles.d/$UNIT.conf" ] || as_root rm -f "/etc/tmpfiles.d/$UNIT.conf"
for rf_service in $rf_services; do node_do "$rf_service" gone; done
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
# this node's own folder, and those above it that hold nothing of others
[ ! -r "$NODE/spills" ] || while IFS= read -r rf_dir; do
    case $rf_dir in *..* | [!/]*) continue ;; */"$UNIT"/*) ;; *) continue ;; esac
    [ -d "$rf_dir" ] && [ ! -h "$rf_dir" ] || continue
    rm -rf "$rf_dir" 2>/dev/null || as_root rm -rf "$rf_dir" 2>/dev/null || emit left "$rf_dir"
    rmdir "${rf_dir%/*}" 2>/dev/null || as_root rmdir "${rf_dir%/*}" 2>/dev/null || :
done <"$NODE/spills"
node_logs
if [ -h "$TEMP_DIR/session_latest" ] && [ ! -d "${rf_logs%/logs}" ]; then
    # the file that begins with tmp_ is left behind if Ray ends while it writes it
    for rf_file in session_latest ray_current_cluster prom_metrics_service_discovery.json tmp_prom_metrics_service_discovery.json; do
        rm -f "$TEMP_DIR/$rf_file" 2>/dev/null || as_root rm -f "$TEMP_DIR/$rf_file"
    done
fi
# folders of jobs that earlier versions made
rf_left=
for rf_file in "$ROOT"/*/service; do
    if [ -e "$rf_file" ] && [ "$rf_file" != "$NODE/service" ]; then rf_left=1; fi
done
[ -n "$rf_left" ] || for rf_dir in "$TEMP_DIR"/rayfab-job-*; do
    if [ ! -d "$rf_dir" ] || [ -h "$rf_dir" ]; then continue; fi
    rm -rf "$rf_dir" 2>/dev/null || as_root rm -rf "$rf_dir" 2>/dev/null || emit left "$rf_dir"
done
rf_dir=/tmp/$UNIT-$(id -u)
if [ -d "$rf_dir" ] && [ ! -h "$rf_dir" ]; then rm -rf "$rf_dir" 2>/dev/null; fi
rmdir "$TEMP_DIR" 2>/dev/null || as_root rmdir "$TEMP_DIR" 2>/dev/null || :
[ ! -r "$NODE/made" ] || while IFS= read -r rf_dir; do
    rmdir "$rf_dir" 2>/dev/null || as_root rmdir "$rf_dir" 2>/dev/null || :
done <"$NODE/made"
for rf_name in $OUTSIDE; do "${rf_name}_left"; done
node_remove
rf_changed=1
shared_down
emit changed 1
