#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib keep_temp kind_systemd root_copy
# values: TEMP_DIR UNIT_TEXT
system_up() {
    keep_temp "$TEMP_DIR"
    write_file "$NODE/unit" 644 "$UNIT_TEXT"
    root_copy "$NODE/unit" "/etc/systemd/system/$UNIT.service" &&
        as_root systemctl daemon-reload && as_root systemctl enable --quiet "$UNIT" 2>/dev/null &&
        as_root systemctl restart --no-block "$UNIT" ||
        fail "systemd rejected the unit $UNIT" "look at: systemctl status $UNIT"
}
# The unit on standard input, for the host $1 alone.
unit_for() { RF_HOST=$1 awk '{ print } $0 == "[Unit]" { print "ConditionHost=" ENVIRON["RF_HOST"] }'; }
# The units of all hosts of this home are in one folder, and the manager of each host would start them all.
user_units_apart() {
    rf_text=$(printf '%s' "$rf_text" | unit_for "$(uname -n)")$NL
    rf_file=$HOME/.config/systemd/user/$UNIT.service
    [ "$NODE" != "$SHARED" ] && [ -r "$rf_file" ] && ! grep -q '^ConditionHost=' "$rf_file" || return 0
    for rf_link in "$SHARED"/hosts/*; do
        [ -h "$rf_link" ] || continue
        rf_value=${rf_link##*/}
        write_file "$rf_file" 644 "$(unit_for "${rf_value%-*}" <"$rf_file")$NL"
    done
}
user_up() {
    [ -d "$HOME/.config" ] || : >"$SHARED/made-config"
    mkdir -p "$HOME/.config/systemd/user" || fail "cannot make $HOME/.config/systemd/user"
    rf_text=$UNIT_TEXT
    [ ! -d "$SHARED/hosts" ] || user_units_apart
    write_file "$(user_file)" 644 "$rf_text"
    [ -e "/var/lib/systemd/linger/$(id -un)" ] ||
        { loginctl enable-linger 2>/dev/null && : >"$NODE/made-linger"; } || emit note "no lingering: Ray ends when the last session of $(id -un) does; ask root for: loginctl enable-linger $(id -un)"
    user_systemctl daemon-reload && user_systemctl enable --quiet "$(user_unit)" &&
        user_systemctl restart --no-block "$(user_unit)" || fail "systemd --user rejected the unit $(user_unit)" "look at: systemctl --user status $(user_unit)"
}
