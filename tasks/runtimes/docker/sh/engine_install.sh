#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib docker engine
# one of: engine_apt engine_dnf engine_pacman engine_zypper
# values: BY_HAND START_SECONDS
# Installs Docker Engine, starts it now and at every boot, and lets this user use it.
(umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
can_root || fail "$(id -un) may not use sudo" "sudo_password in the hosts file, or by hand: $BY_HAND"
# If the connection is lost, the next run continues an interrupted installation.
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
# Takes effect at the next login; until then docker is called with sudo.
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
