#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# Units of systemd: system is one of the machine's own manager, user one of the user's.
# A home of several hosts has the units of all of them, and the manager of each host loads them all.
user_unit() { if [ "$NODE" = "$SHARED" ]; then printf '%s' "$UNIT"; else printf '%s' "$UNIT-$HOST_ID"; fi; }
user_file() { printf '%s' "$HOME/.config/systemd/user/$(user_unit).service"; }
user_systemctl() {
    XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)} systemctl --user "$@"
}
system_active() { systemctl is-active "$UNIT" 2>/dev/null || :; }
user_active() { user_systemctl is-active "$(user_unit)" 2>/dev/null || :; }
system_about() { systemctl show -p ActiveState,SubState,Result,ExecMainCode,ExecMainStatus,NRestarts,ActiveEnterTimestamp,MemoryCurrent "$UNIT"; }
user_about() { user_systemctl show -p ActiveState,SubState,Result,ExecMainCode,ExecMainStatus,NRestarts,ActiveEnterTimestamp,MemoryCurrent "$(user_unit)"; }
system_there() { [ -e "/etc/systemd/system/$UNIT.service" ]; }
user_there() {
    [ ! -e "$(user_file)" ] && [ "$(user_active)" != active ] || return 0
    [ -z "$HOST_ID" ] || return 1
    # ~/.rayfab has gone, which told that this home has several hosts
    HOST_ID=$(host_id)
    NODE=$SHARED/hosts/$HOST_ID
    [ ! -e "$(user_file)" ] || return 0
    HOST_ID=
    NODE=$SHARED
    return 1
}
# systemd replaces a unit in place
system_replaces() { :; }
user_replaces() { :; }
system_down() {
    rf_says=$(as_root systemctl disable --now --quiet "$UNIT" 2>&1) || rf_says=$(as_root systemctl stop "$UNIT" 2>&1) ||
        fail "cannot stop $UNIT: $(one_line "$rf_says")" "look at: systemctl status $UNIT"
    # after a crash systemd would still list the stopped unit as failed, and the system as degraded
    as_root systemctl reset-failed "$UNIT" 2>/dev/null || :
}
user_down() {
    user_systemctl disable --now --quiet "$(user_unit)" || fail "cannot stop $(user_unit)" "look at: systemctl --user status $(user_unit)"
    user_systemctl reset-failed "$(user_unit)" 2>/dev/null || :
}
system_gone() {
    rf_says=$(as_root rm -f "/etc/systemd/system/$UNIT.service" 2>&1) && as_root systemctl daemon-reload ||
        fail "cannot remove /etc/systemd/system/$UNIT.service: $(one_line "$rf_says")" "as root: rm /etc/systemd/system/$UNIT.service"
}
user_gone() {
    rm -f "$(user_file)"
    for rf_dir in user/default.target.wants user; do
        rmdir "$HOME/.config/systemd/$rf_dir" 2>/dev/null || :
    done
    rmdir "$HOME/.config/systemd" 2>/dev/null || :
    [ ! -e "$SHARED/made-config" ] || rmdir "$HOME/.config" 2>/dev/null || :
    user_systemctl daemon-reload 2>/dev/null || :
    [ ! -e "$NODE/made-linger" ] || user_unlinger
}
# Turns off lingering that a deploy turned on, unless another cluster here still needs it.
user_unlinger() {
    for rf_file in "$ROOT"/*/service "$ROOT/"*/hosts/"$HOST_ID"/service; do
        [ "$rf_file" != "$NODE/service" ] && grep -qx user "$rf_file" 2>/dev/null || continue
        : >"${rf_file%/*}/made-linger"
        return
    done
    loginctl disable-linger 2>/dev/null || :
}
