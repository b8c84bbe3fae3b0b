#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib conda node node_logs
# values: PURGE TEMP_DIR
# Removes all that this cluster has put on this host, and nothing else.
# Removes the conda in $1 if this project installed it and PURGE is set; it stays while it has other environments.
purge_conda() {
    rf_why=
    if [ -h "$1" ] || ! conda_is_ours "$1"; then return 0; fi
    if [ -z "$PURGE" ]; then
        emit kept "$1"
    elif [ -n "$rf_left" ]; then
        emit kept "$1 (another cluster is on this host)"
    elif conda_envs "$1"; then
        emit kept "$1 (it holds environments:$rf_envs)"
    else
        step "removing conda"
        rm -rf "$1" || fail "cannot remove $1"
        conda_forget "$1"
        rf_changed=1
        return
    fi
    rf_condas=$rf_condas$1$NL
}
# Removes what clusters share, with the last cluster. A conda that stays is still listed as installed by this project.
shared_down() {
    rf_left=
    for rf_file in "$ROOT"/*/service "$ROOT"/*/envs "$ROOT"/*/lock; do
        if [ -e "$rf_file" ] || [ -h "$rf_file" ]; then [ "$rf_file" = "$NODE/lock" ] || rf_left=1; fi
    done
    rf_condas=
    if [ -r "$ROOT/.conda" ]; then
        while IFS= read -r rf_prefix; do [ -z "$rf_prefix" ] || purge_conda "$rf_prefix"; done <"$ROOT/.conda"
        if [ -n "$rf_condas" ]; then write_file "$ROOT/.conda" 600 "$rf_condas"; else rm -f "$ROOT/.conda"; fi
    fi
    [ -z "$rf_left" ] || return 0
    [ ! -r "$ROOT/.made-conda" ] || for rf_dir in "$HOME/.conda/envs" "$HOME/.conda"; do
        ! grep -qxF -e "$rf_dir" "$ROOT/.made-conda" || rmdir "$rf_dir" 2>/dev/null || :
    done
    for rf_file in "$ROOT"/* "$ROOT"/.[!.]*; do
        case $rf_file in "$ROOT/.conda" | "$NODE") continue ;; esac
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
node_remove "$rf_service"
[ ! -r "$NODE/sessions" ] || while IFS= read -r rf_dir; do
    # a container on a bridge sees its folder under another path than the host
    case $rf_dir in "$TEMP_DIR"/session_*/* | /tmp/ray/session_*/* | /var/tmp/ray/session_*/* | *..*) continue ;; esac
    case $rf_dir in "$TEMP_DIR"/session_* | /tmp/ray/session_* | /var/tmp/ray/session_*) ;; *) continue ;; esac
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
[ ! -e "$NODE/made-tmp" ] || rmdir "${TEMP_DIR%/*}" 2>/dev/null || :
conda_unlink
conda_forget "$NODE"
rm -rf "$NODE" || fail "cannot remove $NODE"
rf_changed=1
shared_down
emit changed 1
