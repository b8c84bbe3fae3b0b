#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib conda node wait_ray
# values: ENV_DIR ENV_NAME ENV_SH LOOP_SH SERVICE START_SH STATE TEMP_DIR UNIT_TEXT
# Hands the start script to its supervisor, (re)starts it and waits for Ray.
# Makes launchd load and run a job. $1: daemon or agent, $2: launchd's domain. rf_said: launchctl's last output
job_up() {
    rf_n=0
    until rf_said=$(job_do "$1" launchctl bootstrap "$2" "$(job_file "$1")" 2>&1); do
        rf_status=$?
        # a former job of this name may still be ending, although launchd no longer lists it
        if { [ "$rf_status" != 5 ] && [ "$rf_status" != 37 ]; } || [ "$rf_n" -ge 75 ]; then return 1; fi
        rf_n=$((rf_n + 1))
        nap
    done
    write_file "$NODE/domain" 600 "$2"
}
(umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
rf_old=$(node_service)
[ "$rf_old" = none ] || note_sessions "$rf_old"
case $rf_old:$SERVICE in
    # systemd replaces the unit in place
    none:* | system:system | user:user) ;;
    *)
        step "stopping the previous node"
        node_down "$rf_old"
        [ "$rf_old" = "$SERVICE" ] || node_remove "$rf_old"
        ;;
esac
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
            fail "systemd rejected the unit $UNIT" "look at: systemctl status $UNIT"
        ;;
    user)
        [ -d "$HOME/.config" ] || : >"$NODE/made-config"
        mkdir -p "$HOME/.config/systemd/user" || fail "cannot make $HOME/.config/systemd/user"
        write_file "$HOME/.config/systemd/user/$UNIT.service" 644 "$UNIT_TEXT"
        [ -e "/var/lib/systemd/linger/$(id -un)" ] ||
            { loginctl enable-linger 2>/dev/null && : >"$NODE/made-linger"; } || emit note "no lingering: Ray ends when the last session of $(id -un) does; ask root for: loginctl enable-linger $(id -un)"
        user_systemctl daemon-reload && user_systemctl enable --quiet "$UNIT" &&
            user_systemctl restart --no-block "$UNIT" || fail "systemd --user rejected the unit $UNIT"
        ;;
    daemon)
        write_file "$NODE/unit" 644 "$UNIT_TEXT"
        as_root install -m 644 -o root -g wheel "$NODE/unit" "$(job_file daemon)" && job_up daemon system ||
            fail "launchd rejected the daemon $UNIT: ${rf_said-}" "System Settings, Login Items may keep it off; look at: launchctl print system/$UNIT"
        ;;
    agent)
        [ -d "$HOME/Library/LaunchAgents" ] || : >"$NODE/made-agents"
        mkdir -p "$HOME/Library/LaunchAgents" || fail "cannot make $HOME/Library/LaunchAgents"
        write_file "$(job_file agent)" 644 "$UNIT_TEXT"
        job_up agent "user/$(id -u)" || {
            # the session of a logged-in desktop accepts only jobs of its own type, Aqua
            write_file "$(job_file agent)" 644 "$(printf '%s\n' "$UNIT_TEXT" | sed 's/>Background</>Aqua</')$NL"
            job_up agent "gui/$(id -u)"
        } || fail "launchd rejected the agent $UNIT: $rf_said" "System Settings, Login Items may keep it off; look at: launchctl print $(job_domain agent)"
        emit note "no sudo here: after a reboot Ray comes back only when $(id -un) logs in; with a sudo_password in the hosts file it becomes a daemon, which starts at boot"
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
