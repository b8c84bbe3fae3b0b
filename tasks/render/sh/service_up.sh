#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# Puts the start script under its supervisor, (re)starts it and waits for Ray.
(umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
rf_old=$(node_service)
[ "$rf_old" = none ] || note_sessions "$rf_old"
if [ "$rf_old" != none ] && { [ "$rf_old" != "$SERVICE" ] || [ "$SERVICE" = loop ]; }; then
    step "stopping what ran before"
    node_down "$rf_old"
fi
rm -f "$NODE/state.json"
[ -z "${RF_TOKEN-}" ] || write_file "$NODE/token" 600 "$RF_TOKEN"
write_file "$NODE/env.sh" 600 "$ENV_SH"
write_file "$NODE/start.sh" 700 "$START_SH"
write_file "$NODE/service" 600 "$SERVICE"
rm -f "$NODE/env" "$NODE/env.new" && ln -s "$ENV_DIR" "$NODE/env" || fail "cannot make $NODE/env"
if [ -n "$ENV_NAME" ]; then conda_link "$ENV_NAME"; else conda_unlink; fi
rm -f "$NODE/starts" "$NODE/start.log" "$NODE/start.log.1"
step "starting Ray"
case $SERVICE in
    system)
        keep_temp "$TEMP_DIR"
        write_file "$NODE/unit" 644 "$UNIT_TEXT"
        as_root install -m 644 "$NODE/unit" "/etc/systemd/system/$UNIT.service" &&
            as_root systemctl daemon-reload && as_root systemctl enable --quiet "$UNIT" 2>/dev/null &&
            as_root systemctl restart --no-block "$UNIT" ||
            fail "systemd does not take the unit $UNIT" "look at: systemctl status $UNIT"
        ;;
    user)
        [ -d "$HOME/.config" ] || : >"$NODE/made-config"
        mkdir -p "$HOME/.config/systemd/user" || fail "cannot make $HOME/.config/systemd/user"
        write_file "$HOME/.config/systemd/user/$UNIT.service" 644 "$UNIT_TEXT"
        [ -e "/var/lib/systemd/linger/$(id -un)" ] ||
            { loginctl enable-linger 2>/dev/null && : >"$NODE/made-linger"; } || emit note "no lingering: Ray ends when the last session of $(id -un) does; ask root for: loginctl enable-linger $(id -un)"
        user_systemctl daemon-reload && user_systemctl enable --quiet "$UNIT" &&
            user_systemctl restart --no-block "$UNIT" || fail "systemd --user does not take the unit $UNIT"
        ;;
    loop)
        write_file "$NODE/loop.sh" 700 "$LOOP_SH"
        if have setsid; then
            setsid sh "$NODE/loop.sh" </dev/null >/dev/null 2>&1 &
        else
            nohup sh "$NODE/loop.sh" </dev/null >/dev/null 2>&1 &
        fi
        ;;
esac
wait_ray "$SERVICE"
write_file "$NODE/state.json" 600 "$STATE"
for rf_dir in "$NODE"/envs/*; do
    [ "$rf_dir" = "$ENV_DIR" ] || rm -rf "$rf_dir"
done
