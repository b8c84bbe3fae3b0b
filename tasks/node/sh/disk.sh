#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib kept node node_logs
# values: DAYS FILES MAX MODE PRUNER TEMP_DIR
# What takes up space on this host, and with the mode clean the removal of what nothing needs. MODE: sizes, list, clean.
# Each item is answered as: its kind, its state, bytes, and what it is. State: used, or old; removed or left after clean.
item() { printf '%s\n' "$1 $2 $3 $4" | emit_text item; }
kilobytes() { du -sk "$1" 2>/dev/null | awk '{ printf "%.0f", $1 * 1024 }'; }
# Whether a process uses the environment $1.
env_busy() {
    if [ -r /proc/self/environ ]; then
        # through a pipe, since an argument would be found in grep's own list of arguments
        rf_value=$1/
        set -- /proc/[0-9]*/environ /proc/[0-9]*/cmdline
        [ -n "$(echo "$rf_value" | grep -lsF -f - "$@")" ]
    else
        [ -n "$(ps -axwwE -o command= 2>/dev/null | RF_AT=$1/ awk 'index($0, ENVIRON["RF_AT"]) && !index($0, "RF_AT=")')" ]
    fi
}
# $1: kind, $2: path. What is old is removed where that was asked for.
old() {
    rf_size=$(kilobytes "$2")
    rf_state=old
    if [ "$MODE" = clean ]; then
        rf_state=removed
        rm -rf "$2" 2>/dev/null || rf_state=left
    fi
    item "$1" "$rf_state" "${rf_size:-0}" "$2"
}
# Ray's own folders, as Ray's user sees them.
rays() {
    if have "${rf_service}_boxed"; then
        set -- /tmp/ray_spill /tmp/ray /var/tmp/ray
    else
        rf_value=$(tail -n 1 "$NODE/spills" 2>/dev/null) || rf_value=
        set -- "$rf_value" "$TEMP_DIR"
    fi
    rf_said=$(node_do "$rf_service" python -c "$PRUNER" "$MODE" "$MAX" "$DAYS" "$FILES" "$@" 2>&1) || {
        rf_said=$(printf '%s\n' "$rf_said" | tail -n 1)
        emit unread "${rf_said:-its Python does not run}"
        return
    }
    [ -z "$rf_said" ] || printf '%s\n' "$rf_said" | while read -r rf_key rf_state rf_size rf_value; do
        item "$rf_key" "$rf_state" "$rf_size" "$rf_value"
    done
}
environments() {
    for rf_dir in "$SHARED"/envs/* "$SHARED"/envs/.[!.]*; do
        [ -d "$rf_dir" ] && [ ! -h "$rf_dir" ] || continue
        if env_kept "$rf_dir" || env_busy "$rf_dir"; then
            [ "$MODE" != sizes ] || item environments used "$(kilobytes "$rf_dir")" "$rf_dir"
        else
            old environments "$rf_dir"
        fi
    done
    [ ! -d "$ROOT/.store" ] || [ "$MODE" != sizes ] || item environments used "$(kilobytes "$ROOT/.store")" "$ROOT/.store"
}
images() {
    node_do "$rf_service" images "$(record_env started)" "$(record_env previous)" | while read -r rf_state rf_size rf_value; do
        if [ "$rf_state" = old ] && [ "$MODE" = clean ]; then
            rf_state=left
            if node_do "$rf_service" unimage "$rf_value"; then rf_state=removed; fi
        fi
        [ "$rf_state" = used ] && [ "$MODE" != sizes ] || item images "$rf_state" "$rf_size" "$rf_value"
    done
}
# What an interrupted download has left, and nobody has gone on with for an hour.
downloads() {
    find "$ROOT/.store" "$NODE" -maxdepth 1 \( -name '*.part' -o -name '*.part.*' -o -name image.parts \) -mmin +60 2>/dev/null |
        while IFS= read -r rf_file; do old downloads "$rf_file"; done
    find "$ROOT/.store/.fetch" -mindepth 2 -maxdepth 2 -mmin +60 2>/dev/null | while IFS= read -r rf_file; do old downloads "$rf_file"; done
}
free() {
    rf_file=$2
    while [ -n "$rf_file" ] && [ ! -d "$rf_file" ]; do rf_file=${rf_file%/*}; done
    df -Pk "${rf_file:-/}" 2>/dev/null | awk -v what="$1" 'NR > 1 && $(NF - 4) ~ /^[0-9]+$/ { printf "%s %.0f %.0f\n", what, $(NF - 2) * 1024, $(NF - 4) * 1024 }' |
        emit_text free
}
rf_service=$(node_service)
node_temp
if [ "$rf_service" != none ]; then
    node_do "$rf_service" reach
    step "looking at Ray's folders"
    rays
    step "looking at images"
    images
fi
step "looking at environments"
environments
downloads
free ray "$TEMP_DIR"
free home "$HOME"
rf_value=$(tail -n 1 "$NODE/spills" 2>/dev/null) || rf_value=
[ -z "$rf_value" ] || free spill "$rf_value"
