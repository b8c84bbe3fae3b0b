#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# Jobs of launchd: daemon is one of the system, agent one of the user.
# launchd's job for a daemon or an agent ($1): its domain, its file, and a way to run a command that may change it
job_domain() {
    rf_domain=system
    if [ "$1" = agent ]; then
        rf_domain=user/$(id -u)
        [ ! -r "$NODE/domain" ] || IFS= read -r rf_domain <"$NODE/domain" || :
    fi
    printf '%s' "$rf_domain"
}
job_file() {
    if [ "$1" = daemon ]; then
        printf '%s' "/Library/LaunchDaemons/$UNIT.plist"
    elif [ -d "$SHARED/hosts" ]; then
        # in a home of several hosts, a login at each of them would start all agents of the usual folder
        printf '%s' "$NODE/agent.plist"
    else
        printf '%s' "$HOME/Library/LaunchAgents/$UNIT.plist"
    fi
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
    # the first state in the output is the job's
    rf_state=$(launchctl print "$(job_domain "$1")/$UNIT" 2>/dev/null | sed -n 's/^[[:space:]]*state = //p' | sed 1q)
    [ "$rf_state" != running ] || rf_state=active
    echo "${rf_state:-inactive}"
}
job_down() {
    # its file is removed first, so that no boot or login starts it again
    rf_file=$(job_file "$1")
    [ ! -e "$rf_file" ] || job_do "$1" rm -f "$rf_file" ||
        fail "cannot remove $rf_file" "as an administrator: sudo rm $rf_file"
    rf_job=$(job_domain "$1")/$UNIT
    launchctl print "$rf_job" >/dev/null 2>&1 || return 0
    job_do "$1" launchctl bootout "$rf_job" 2>/dev/null || :
    # bootout does not wait for the job to end
    rf_n=0
    while launchctl print "$rf_job" >/dev/null 2>&1; do
        rf_n=$((rf_n + 1))
        [ "$rf_n" -lt 300 ] || fail "cannot stop $UNIT" "look at: launchctl print $rf_job"
        nap
    done
}
job_left() { [ -e "$(job_file "$1")" ] || [ "$(job_active "$1")" = active ]; }
daemon_there() { job_left daemon; }
agent_there() { job_left agent; }
daemon_active() { job_active daemon; }
agent_active() { job_active agent; }
daemon_down() { job_down daemon; }
agent_down() { job_down agent; }
agent_gone() { [ ! -e "$NODE/made-agents" ] || rmdir "$HOME/Library/LaunchAgents" 2>/dev/null || :; }
