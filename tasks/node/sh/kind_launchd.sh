#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# Jobs of launchd: `daemon` of the system, `agent` of the user.
# $1: daemon or agent. Its domain, its file, and a command with the rights to change it.
job_domain() {
    rf_domain=system
    if [ "$1" = agent ]; then
        rf_domain=user/$(id -u)
        [ ! -r "$NODE/domain" ] || IFS= read -r rf_domain <"$NODE/domain" || :
    fi
    printf '%s' "$rf_domain"
}
job_file() {
    if [ "$1" = daemon ]; then printf '%s' "/Library/LaunchDaemons/$UNIT.plist"; else
        printf '%s' "$HOME/Library/LaunchAgents/$UNIT.plist"; fi
}
job_do() {
    if [ "$1" = daemon ]; then
        shift
        as_root "$@"
    else
        shift
        "$@"
    fi
}
job_active() {
    # the first state is the job's own
    rf_state=$(launchctl print "$(job_domain "$1")/$UNIT" 2>/dev/null | sed -n 's/^[[:space:]]*state = //p' | sed 1q)
    [ "$rf_state" != running ] || rf_state=active
    echo "${rf_state:-inactive}"
}
job_down() {
    # its file goes first, so that no boot or login brings it back
    rf_file=$(job_file "$1")
    [ ! -e "$rf_file" ] || job_do "$1" rm -f "$rf_file" ||
        fail "cannot remove $rf_file" "as an administrator: sudo rm $rf_file"
    rf_job=$(job_domain "$1")/$UNIT
    launchctl print "$rf_job" >/dev/null 2>&1 || return 0
    job_do "$1" launchctl bootout "$rf_job" 2>/dev/null || :
    # bootout does not wait until the job has ended
    rf_n=0
    while launchctl print "$rf_job" >/dev/null 2>&1; do
        rf_n=$((rf_n + 1))
        [ "$rf_n" -lt 300 ] || fail "cannot stop $UNIT" "look at: launchctl print $rf_job"
        nap
    done
}
# $1: daemon or agent, $2: where to; gives its file to launchd, which runs it. rf_said: what that said last
job_up() {
    rf_n=0
    until rf_said=$(job_do "$1" launchctl bootstrap "$2" "$(job_file "$1")" 2>&1); do
        rf_status=$?
        # the former job of this name may still be on its way out, after its name is gone
        if { [ "$rf_status" != 5 ] && [ "$rf_status" != 37 ]; } || [ "$rf_n" -ge 75 ]; then return 1; fi
        rf_n=$((rf_n + 1))
        nap
    done
    write_file "$NODE/domain" 600 "$2"
}
daemon_active() { job_active daemon; }
agent_active() { job_active agent; }
daemon_up() {
    write_file "$NODE/unit" 644 "$UNIT_TEXT"
    as_root install -m 644 -o root -g wheel "$NODE/unit" "$(job_file daemon)" && job_up daemon system ||
        fail "launchd does not take the daemon $UNIT: ${rf_said-}" "System Settings, Login Items may keep it off; look at: launchctl print system/$UNIT"
}
agent_up() {
    [ -d "$HOME/Library/LaunchAgents" ] || : >"$NODE/made-agents"
    mkdir -p "$HOME/Library/LaunchAgents" || fail "cannot make $HOME/Library/LaunchAgents"
    write_file "$(job_file agent)" 644 "$UNIT_TEXT"
    job_up agent "user/$(id -u)" || {
        # the session of a person in front of the screen takes only what is made for that
        write_file "$(job_file agent)" 644 "$(printf '%s\n' "$UNIT_TEXT" | sed 's/>Background</>Aqua</')$NL"
        job_up agent "gui/$(id -u)"
    } || fail "launchd does not take the agent $UNIT: $rf_said" "System Settings, Login Items may keep it off; look at: launchctl print $(job_domain agent)"
    emit note "no sudo here: after a reboot Ray is back only when $(id -un) logs in; with a sudo_password in the hosts file it becomes a daemon, which starts at boot"
}
daemon_down() { job_down daemon; }
agent_down() { job_down agent; }
agent_gone() { [ ! -e "$NODE/made-agents" ] || rmdir "$HOME/Library/LaunchAgents" 2>/dev/null || :; }
