#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# What the engine can give to a container. Asked of the engine: where that lives in a virtual machine
# (Docker Desktop), CPUs and memory are the machine's, not this host's.
docker_gives() {
    dk info --format 'cpus {{.NCPU}}
memory {{.MemTotal}}
system {{.OperatingSystem}}
arch {{.Architecture}}
{{range .SecurityOptions}}option {{.}}
{{end}}{{range $name, $_ := .Runtimes}}runtime {{$name}}
{{end}}' 2>/dev/null | emit_text engine
    # The engine's own hard limit is the most that a container can have where root may not raise it.
    if [ -r /run/docker.pid ]; then
        rf_pid=
        read -r rf_pid </run/docker.pid || :
        case $rf_pid in '' | *[!0-9]*) ;; *)
            emit engine_nofile "$(sed -n 's/^Max open files  *[0-9a-z]*  *\([0-9]*\) .*/\1/p' "/proc/$rf_pid/limits" 2>/dev/null)"
            ;;
        esac
    fi
    # Without the hook an engine that knows the Container Device Interface takes GPUs by their names.
    if [ -n "$(grep -ls 'nvidia.com/gpu' /etc/cdi/* /var/run/cdi/* 2>/dev/null)" ]; then
        emit gpu_cdi "$(dk info --format '{{json .CDISpecDirs}}' 2>/dev/null)"
    fi
}
# Which of the Mac's applications brings the engine
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
