#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib kind_launchd
# values: UNIT_TEXT
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
daemon_up() {
    write_file "$NODE/unit" 644 "$UNIT_TEXT"
    as_root install -m 644 -o root -g wheel "$NODE/unit" "$(job_file daemon)" && job_up daemon system ||
        fail "launchd rejected the daemon $UNIT: ${rf_said-}" "System Settings, Login Items may keep it off; look at: launchctl print system/$UNIT"
}
agent_up() {
    [ -d "$HOME/Library/LaunchAgents" ] || : >"$NODE/made-agents"
    mkdir -p "$HOME/Library/LaunchAgents" || fail "cannot make $HOME/Library/LaunchAgents"
    write_file "$(job_file agent)" 644 "$UNIT_TEXT"
    job_up agent "user/$(id -u)" || {
        # the session of a logged-in desktop accepts only jobs of its own type, Aqua
        write_file "$(job_file agent)" 644 "$(printf '%s\n' "$UNIT_TEXT" | sed 's/>Background</>Aqua</')$NL"
        job_up agent "gui/$(id -u)"
    } || fail "launchd rejected the agent $UNIT: $rf_said" "System Settings, Login Items may keep it off; look at: launchctl print $(job_domain agent)"
    emit note "no sudo here: after a reboot Ray comes back only when $(id -un) logs in; with a sudo_password in the hosts file it becomes a daemon, which starts at boot"
}
