#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib about docker limited
# What the engine can give to a container. It is the engine that is asked: if it runs in a virtual machine
# (Docker Desktop), CPUs and memory are those of that machine.
docker_gives() {
    rf_said=$(dk info --format 'cpus {{.NCPU}}
memory {{.MemTotal}}
system {{.OperatingSystem}}
arch {{.Architecture}}
root {{.DockerRootDir}}
{{range .SecurityOptions}}option {{.}}
{{end}}{{range $name, $_ := .Runtimes}}runtime {{$name}}
{{end}}' 2>/dev/null)
    printf '%s\n' "$rf_said" | emit_text engine
    # its folder is closed to others, but not the question what it lies on
    rf_dir=$(printf '%s\n' "$rf_said" | sed -n 's/^root //p')
    if [ -n "$rf_dir" ] && [ -r /proc/mounts ]; then
        emit engine_root "$(df -P "$rf_dir" 2>/dev/null | awk 'NR == FNR { at = $NF; next } $2 == at { kind = $3 } END { print kind }' - /proc/mounts)"
    fi
    # The engine's own hard limit is the maximum for a container if root cannot raise it.
    if [ -r /run/docker.pid ]; then
        rf_pid=
        read -r rf_pid </run/docker.pid || :
        case $rf_pid in '' | *[!0-9]*) ;; *)
            emit engine_nofile "$(sed -n 's/^Max open files  *[0-9a-z]*  *\([0-9]*\) .*/\1/p' "/proc/$rf_pid/limits" 2>/dev/null)"
            ;;
        esac
    fi
    # A snap and a unit with PrivateTmp see another /tmp than this session, so what they mount from there is not Ray's.
    if [ -n "$(grep -lsE '^PrivateTmp *= *(yes|true|on|1|disconnected)' \
        /etc/systemd/system/docker.service /etc/systemd/system/docker.service.d/*.conf)" ]; then emit engine_tmp unit; fi
    # Without NVIDIA's hook, an engine with the Container Device Interface takes GPUs by name.
    if [ -n "$(grep -ls 'nvidia.com/gpu' /etc/cdi/* /var/run/cdi/* 2>/dev/null)" ]; then
        emit gpu_cdi "$(dk info --format '{{json .CDISpecDirs}}' 2>/dev/null)"
    fi
}
# Which of a Mac's applications provides the engine
docker_app() {
    for rf_value in Docker OrbStack; do
        if [ -d "/Applications/$rf_value.app" ] || [ -d "$HOME/Applications/$rf_value.app" ]; then
            emit docker_app "$rf_value"
            return
        fi
    done
    for rf_dir in /opt/homebrew/bin /usr/local/bin; do
        if [ -x "$rf_dir/colima" ]; then emit docker_app colima; fi
    done
}
docker_facts() {
    if [ "$(uname)" = Darwin ]; then docker_app; fi
    docker_cli
    rf_status=$?
    # Podman fails in other ways than Docker, or not at all; installed as docker it prints "docker version 5.0".
    [ "$rf_status" = 1 ] || case $(docker --version 2>/dev/null) in
        *odman* | docker\ version*) emit docker_problem podman; return ;;
    esac
    # only the command is installed, without any engine
    if [ "$rf_status" = 2 ] && [ -d /proc/self ] && ! have dockerd && [ -z "${DOCKER_HOST-}" ] && [ ! -e /snap/bin/docker ]; then
        [ "$(docker context show 2>/dev/null)" != default ] || rf_status=1
    fi
    # an interrupted installation is done again
    rf_half=
    [ ! -e "$NODE/engine.installing" ] || rf_half=1
    [ -z "$rf_half" ] || [ "$rf_status" = 0 ] || rf_status=1
    case $rf_status in
        0) emit docker "$rf_docker"; [ -z "$rf_half" ] || emit docker_problem missing ;;
        1) emit docker_problem missing; return ;;
        2) emit docker_problem stopped; emit docker_says "$rf_docker"; return ;;
        *) emit docker_problem denied; return ;;
    esac
    emit docker_via "$rf_dk"
    image_name
    rf_image=$(image_about '') || rf_image=
    [ -z "$rf_image" ] || printf '%s\n' "$rf_image" | emit_text image
    if [ -n "$rf_image" ] && [ -r "$NODE/image" ]; then
        IFS= read -r rf_value <"$NODE/image" || :
        [ "${rf_value%% *}" != "${rf_image%% *}" ] || emit image_versions "${rf_value#* }"
    fi
    dk ps -a --no-trunc --filter "name=^/$UNIT\$" --format '{{.ID}} {{.Image}} {{.Status}}' | emit_text container
    docker_gives
}
limited docker 20 docker_facts || :
printf '%s\n' "$rf_said"
case $rf_hung in *' docker '*) emit docker_problem hung ;; esac
