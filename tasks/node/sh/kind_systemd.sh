#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# Units of systemd: `system` of the machine's own manager, `user` of the user's.
user_systemctl() {
    XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)} systemctl --user "$@"
}
system_active() { systemctl is-active "$UNIT" 2>/dev/null || :; }
user_active() { user_systemctl is-active "$UNIT" 2>/dev/null || :; }
# a restart is enough where a unit takes the place of one of the same name
system_replaces() { :; }
user_replaces() { :; }
system_up() {
    keep_temp "$TEMP_DIR"
    write_file "$NODE/unit" 644 "$UNIT_TEXT"
    as_root install -m 644 "$NODE/unit" "/etc/systemd/system/$UNIT.service" &&
        as_root systemctl daemon-reload && as_root systemctl enable --quiet "$UNIT" 2>/dev/null &&
        as_root systemctl restart --no-block "$UNIT" ||
        fail "systemd does not take the unit $UNIT" "look at: systemctl status $UNIT"
}
user_up() {
    [ -d "$HOME/.config" ] || : >"$NODE/made-config"
    mkdir -p "$HOME/.config/systemd/user" || fail "cannot make $HOME/.config/systemd/user"
    write_file "$HOME/.config/systemd/user/$UNIT.service" 644 "$UNIT_TEXT"
    [ -e "/var/lib/systemd/linger/$(id -un)" ] ||
        { loginctl enable-linger 2>/dev/null && : >"$NODE/made-linger"; } || emit note "no lingering: Ray ends when the last session of $(id -un) does; ask root for: loginctl enable-linger $(id -un)"
    user_systemctl daemon-reload && user_systemctl enable --quiet "$UNIT" &&
        user_systemctl restart --no-block "$UNIT" || fail "systemd --user does not take the unit $UNIT"
}
system_down() {
    as_root systemctl disable --now --quiet "$UNIT" 2>/dev/null ||
        as_root systemctl stop "$UNIT" || fail "cannot stop $UNIT" "look at: systemctl status $UNIT"
    # after a crash the stopped unit would still count as failed, and the system as degraded
    as_root systemctl reset-failed "$UNIT" 2>/dev/null || :
}
user_down() {
    user_systemctl disable --now --quiet "$UNIT" || fail "cannot stop $UNIT"
    user_systemctl reset-failed "$UNIT" 2>/dev/null || :
}
system_gone() {
    as_root rm -f "/etc/systemd/system/$UNIT.service" && as_root systemctl daemon-reload ||
        fail "cannot remove /etc/systemd/system/$UNIT.service" "as root: rm /etc/systemd/system/$UNIT.service"
}
user_gone() {
    rm -f "$HOME/.config/systemd/user/$UNIT.service"
    for rf_dir in user/default.target.wants user; do
        rmdir "$HOME/.config/systemd/$rf_dir" 2>/dev/null || :
    done
    rmdir "$HOME/.config/systemd" 2>/dev/null || :
    [ ! -e "$NODE/made-config" ] || rmdir "$HOME/.config" 2>/dev/null || :
    user_systemctl daemon-reload 2>/dev/null || :
    [ ! -e "$NODE/made-linger" ] || user_unlinger
}
# Lingering that a deploy has enabled is disabled with the last cluster that needs it.
user_unlinger() {
    for rf_file in "$ROOT"/*/service; do
        [ "$rf_file" != "$NODE/service" ] && grep -qx user "$rf_file" 2>/dev/null || continue
        : >"${rf_file%/*}/made-linger"
        return
    done
    loginctl disable-linger 2>/dev/null || :
}
