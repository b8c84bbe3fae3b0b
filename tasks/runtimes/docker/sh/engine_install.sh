#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# Docker Engine: installed, started now and at every boot, open to this user; then what it is, as among the facts.
(umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
can_root || fail "sudo does not let $(id -un) in" "sudo_password in the hosts file, or by hand: $BY_HAND"
# What a lost connection leaves half done is taken up by the next run.
write_file "$NODE/engine.installing" 600 ""
docker_cli || install_packages
step "starting Docker's engine"
if [ -d /run/systemd/system ]; then
    as_root systemctl enable --now docker.service >"$rf_log" 2>&1 || {
        as_root journalctl -u docker.service -n 15 --no-pager -o cat 2>/dev/null | emit_text log
        rm -f "$rf_log"
        fail "Docker is installed, but its engine does not start" "look at: sudo journalctl -u docker"
    }
else
    if have service; then
        as_root service docker start >"$rf_log" 2>&1
    elif [ -x /etc/init.d/docker ]; then
        as_root /etc/init.d/docker start >"$rf_log" 2>&1
    else
        fail "Docker is installed, but there is neither systemd nor service here to start it" "start it by hand: sudo dockerd"
    fi || {
        tail -n 15 "$rf_log" | emit_text log
        rm -f "$rf_log"
        fail "Docker is installed, but its engine does not start" "look at: sudo service docker status"
    }
    emit note "there is no systemd here: make sure that Docker's engine starts at boot"
fi
# Counts from the next login on; until then docker is called through sudo.
if [ "$(id -u)" != 0 ]; then
    as_root usermod -aG docker "$(id -un)" 2>"$rf_log" ||
        emit note "could not put $(id -un) into the group docker, so docker is called through sudo"
fi
rf_t0=$(date +%s)
until docker_cli; do
    if [ $(($(date +%s) - rf_t0)) -ge "$START_SECONDS" ]; then
        fail "Docker is installed, but its engine does not answer: ${rf_docker-}" "look at: docker version"
    fi
    step "waiting for Docker's engine, $(($(date +%s) - rf_t0)) s"
    nap
done
rm -f "$rf_log" "$NODE/engine.installing"
emit changed 1
docker_facts
