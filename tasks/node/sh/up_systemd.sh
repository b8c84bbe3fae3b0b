#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib keep_temp kind_systemd
# values: TEMP_DIR UNIT_TEXT
system_up() {
    case $TEMP_DIR in /tmp/* | /var/tmp/* | /run/* | /dev/shm/*) keep_temp "$TEMP_DIR" ;; esac
    write_file "$NODE/unit" 644 "$UNIT_TEXT"
    as_root install -m 644 "$NODE/unit" "/etc/systemd/system/$UNIT.service" &&
        as_root systemctl daemon-reload && as_root systemctl enable --quiet "$UNIT" 2>/dev/null &&
        as_root systemctl restart --no-block "$UNIT" ||
        fail "systemd rejected the unit $UNIT" "look at: systemctl status $UNIT"
}
user_up() {
    [ -d "$HOME/.config" ] || : >"$NODE/made-config"
    mkdir -p "$HOME/.config/systemd/user" || fail "cannot make $HOME/.config/systemd/user"
    write_file "$HOME/.config/systemd/user/$UNIT.service" 644 "$UNIT_TEXT"
    [ -e "/var/lib/systemd/linger/$(id -un)" ] ||
        { loginctl enable-linger 2>/dev/null && : >"$NODE/made-linger"; } || emit note "no lingering: Ray ends when the last session of $(id -un) does; ask root for: loginctl enable-linger $(id -un)"
    user_systemctl daemon-reload && user_systemctl enable --quiet "$UNIT" &&
        user_systemctl restart --no-block "$UNIT" || fail "systemd --user rejected the unit $UNIT"
}
