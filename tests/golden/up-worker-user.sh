# rayfab: start the worker
# shellcheck disable=SC2034
set -u
CLUSTER=lab
UNIT=rayfab-lab
STATE='{"env": "ray-2.52.0-py3.11.2-abc", "hash": "e47886a30e9e8eef", "head": "10.0.0.1:6379", "image": "sha256:0123abcd", "node_ip": "10.0.0.2", "python": "3.11.2", "ray": "2.52.0", "request": "request0", "role": "worker", "service": "user", "start": {"args": {"--address": "10.0.0.1:6379", "--dashboard-agent-grpc-port": "20002", "--dashboard-agent-listen-port": "20005", "--labels": "zone=a", "--max-worker-port": "19999", "--memory": "2147483648", "--metrics-export-port": "20004", "--min-worker-port": "10002", "--node-ip-address": "10.0.0.2", "--node-manager-port": "20000", "--node-name": "one", "--num-cpus": "4", "--num-gpus": "0", "--object-manager-port": "20001", "--resources": "{\"ssd\": 1.0}", "--runtime-env-agent-port": "20003", "--temp-dir": "/tmp/ray"}, "docker": {}, "env": {"RAY_AUTH_MODE": "3c46", "RAY_USAGE_STATS_ENABLED": "5fec"}, "run_args": {}, "user_args": {}}, "token": "0123456789ab"}'
START_TIMEOUT=120
TEMP_DIR=/tmp/ray
SERVICE=user
ENV_DIR=/root/.rayfab/lab/envs/ray-2.52.0-py3.11.2-abc
ENV_NAME=''
ENV_SH='HOME=/root
PATH=/root/.rayfab/lab/envs/ray-2.52.0-py3.11.2-abc/bin:$PATH
VIRTUAL_ENV=/root/.rayfab/lab/envs/ray-2.52.0-py3.11.2-abc
export HOME PATH VIRTUAL_ENV
unset PYTHONHOME PYTHONPATH
export RAY_AUTH_MODE=token
export RAY_USAGE_STATS_ENABLED=0
export RAY_AUTH_TOKEN_PATH=/root/.rayfab/lab/token
'
START_SH='#!/bin/sh
# Starts Ray on this host. Written by a deploy; the next one overwrites what is changed here.
# A parameter, since env.sh may set any variable.
set -- /root/.rayfab/lab
. "$1/env.sh"
cd "$HOME" || exit 1
# shellcheck disable=SC3045
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)" 2>/dev/null
if [ -f "$1/start.log" ]; then
    grep -oE '"'"'/[^ ]*/session_[0-9_-]+'"'"' "$1/start.log" | sort -u >>"$1/sessions"
    mv -f "$1/start.log" "$1/start.log.1"
fi
date >>"$1/starts"
# Ray'"'"'s parts leave their temporary folders behind when they are ended; in one of our own they can be removed.
rayfab_tmp=
if [ -z "${TMPDIR-}" ]; then
    rayfab_tmp=/tmp/rayfab-lab-$(id -u)
    mkdir -m 700 "$rayfab_tmp" 2>/dev/null
    # shellcheck disable=SC3067
    if [ -d "$rayfab_tmp" ] && [ ! -h "$rayfab_tmp" ] && [ -O "$rayfab_tmp" ]; then
        TMPDIR=$rayfab_tmp
        export TMPDIR
        # for a destroy, where this script itself is killed or the power fails
        echo "$rayfab_tmp" >"$1/tmpdir"
    else
        rayfab_tmp=
    fi
fi
RAYFAB_NODE=$1/
export RAYFAB_NODE
ray start --address=10.0.0.1:6379 --node-ip-address=10.0.0.2 --node-name=one --node-manager-port=20000 --object-manager-port=20001 --min-worker-port=10002 --max-worker-port=19999 --metrics-export-port=20004 --dashboard-agent-grpc-port=20002 --dashboard-agent-listen-port=20005 --runtime-env-agent-port=20003 --temp-dir=/tmp/ray --num-cpus=4 --num-gpus=0 --memory=2147483648 '"'"'--resources={"ssd": 1.0}'"'"' --labels=zone=a --block >"$1/start.log" 2>&1 &
rayfab_pid=$!
unset RAYFAB_NODE
rayfab_told=
trap '"'"'rayfab_told=1; kill -TERM $rayfab_pid 2>/dev/null'"'"' TERM INT HUP
# a signal ends the waiting, but not yet Ray; and a status can be asked for only once
while :; do
    wait $rayfab_pid
    rayfab_status=$?
    kill -0 $rayfab_pid 2>/dev/null || break
done
# What Ray leaves behind (agents on their way out, workers) holds ports; it is known by the mark above.
if [ -r /proc/self/environ ]; then
    rayfab_left=$(grep -lsF "RAYFAB_NODE=$1/" /proc/[0-9]*/environ | sed '"'"'s|/proc/\([0-9]*\)/.*|\1|'"'"')
else
    # macOS shows a process'"'"'s environment behind its words
    rayfab_left=$(ps -axwwE -o pid=,command= |
        RAYFAB=$1/ awk '"'"'index($0, "RAYFAB_" "NODE=" ENVIRON["RAYFAB"]) { print $1 }'"'"')
fi
# shellcheck disable=SC2086
[ -z "$rayfab_left" ] || kill -KILL $rayfab_left 2>/dev/null
[ -z "$rayfab_tmp" ] || rm -rf "$rayfab_tmp" "$1/tmpdir"
# Ray ends with 1 when it is told to stop, as after a crash; a supervisor has to tell the two apart.
[ -z "$rayfab_told" ] || rayfab_status=0
exit $rayfab_status
'
UNIT_TEXT='[Unit]
Description=Ray node of the cluster lab
StartLimitIntervalSec=0

[Service]
Type=simple
ExecStart=/bin/sh "/root/.rayfab/lab/start.sh"
Restart=always
RestartSec=3
KillMode=mixed
TimeoutStopSec=45
OOMPolicy=continue
LimitNOFILE=65536:524288
TasksMax=infinity

[Install]
WantedBy=default.target
'
LOOP_SH=''
# The answer: marked lines on stdout. Everything else there is chatter and is ignored.
LC_ALL=C
export LC_ALL
HOME=${HOME:-$(cd && pwd)}
PATH=${PATH:-/usr/bin:/bin}:/usr/local/bin:/usr/local/sbin:/usr/sbin:/sbin
export HOME PATH
ROOT=$HOME/.rayfab
NL='
'
one_line() {
    case $1 in *"$NL"*) printf '%s' "$1" | tr '\n' ' ' ;; *) printf '%s' "$1" ;; esac
}
emit() {
    case $2 in
        *"$NL"*) printf '%s kv %s %s\n' "$RF_MARK" "$1" "$(one_line "$2")" ;;
        *) printf '%s kv %s %s\n' "$RF_MARK" "$1" "$2" ;;
    esac
}
# A last line without its end would swallow what is said next.
emit_text() { sed "s/^/$RF_MARK text $1 /" && echo; }
step() { printf '%s step %s\n' "$RF_MARK" "$1"; }
finish() {
    printf '\n%s end %s\n' "$RF_MARK" "$1"
    exit "$1"
}
fail() {
    emit error "$1"
    [ -z "${2-}" ] || emit hint "$2"
    finish 1
}
have() { command -v "$1" >/dev/null 2>&1; }
nap() { sleep 0.2 2>/dev/null || sleep 1; }
# A file appears whole or not at all: mode first, content second, name last.
write_file() {
    rm -f "$1.new" && (umask 077 && : >"$1.new") && chmod "$2" "$1.new" &&
        printf '%s' "$3" >"$1.new" && mv -f "$1.new" "$1" ||
        fail "cannot write $1" "free some space, or make the folder writable for $(id -un)"
}
# Runs a command as root. The password reaches sudo through a pipe from a builtin, never as an argument.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif sudo -k -n true 2>/dev/null; then
        sudo -n "$@"
    elif [ -n "${RF_SUDO-}" ]; then
        printf '%s\n' "$RF_SUDO" | sudo -k -S -p '' "$@"
    else
        return 126
    fi
}
can_root() {
    [ "$(id -u)" = 0 ] && return 0
    have sudo || return 1
    as_root true 2>/dev/null
}
# dk: docker, through sudo where only that reaches the engine
dk() {
    if [ "${rf_dk-}" = root ]; then as_root docker "$@"; else docker "$@"; fi
}
# The same for a docker that reads its standard input, behind the password that sudo may want first.
dk_in() {
    if [ "${rf_dk-}" != root ]; then
        docker "$@"
    elif [ "$(id -u)" = 0 ] || sudo -k -n true 2>/dev/null; then
        as_root docker "$@"
    else
        { printf '%s\n' "${RF_SUDO-}" && cat; } | sudo -k -S -p '' docker "$@"
    fi
}
# Where Docker Desktop and its like put the command; a session without a terminal has none of these on its PATH.
docker_path() {
    have docker && return 0
    for rf_dir in /opt/homebrew/bin "$HOME/.docker/bin" "$HOME/.orbstack/bin" "$HOME/.rd/bin" \
        /Applications/Docker.app/Contents/Resources/bin "$HOME/Applications/Docker.app/Contents/Resources/bin" \
        /Applications/OrbStack.app/Contents/MacOS/xbin; do
        if [ -x "$rf_dir/docker" ]; then
            PATH=$PATH:$rf_dir
            return 0
        fi
    done
    return 1
}
# Sockets that the command's own configuration may not name
docker_socket() {
    [ -z "${DOCKER_HOST-}" ] || return 1
    for rf_file in "$HOME/.docker/run/docker.sock" "$HOME/.orbstack/run/docker.sock" \
        "$HOME/.colima/default/docker.sock" "$HOME/.config/colima/default/docker.sock" "$HOME/.rd/docker.sock"; do
        [ -S "$rf_file" ] || continue
        rf_value=$(docker --host "unix://$rf_file" version --format '{{.Server.Version}}' 2>&1) || continue
        rf_docker=$rf_value
        DOCKER_HOST=unix://$rf_file
        export DOCKER_HOST
        return 0
    done
    return 1
}
docker_cli() {
    rf_dk=user
    docker_path || return 1
    rf_docker=$(docker version --format '{{.Server.Version}}' 2>&1) && return 0
    case $rf_docker in
        *"permission denied"*) ;;
        *)
            docker_socket || return 2
            return 0
            ;;
    esac
    can_root || return 3
    rf_dk=root
    rf_docker=$(as_root docker version --format '{{.Server.Version}}' 2>&1) || return 2
}
docker_facts() {
    if [ "$(uname)" = Darwin ]; then docker_app; fi
    docker_cli
    rf_status=$?
    # Podman's command fails in other ways than Docker's, or not at all; called docker, it says "docker version 5.0".
    [ "$rf_status" = 1 ] || case $(docker --version 2>/dev/null) in
        *odman* | docker\ version*) emit docker_problem podman; return ;;
    esac
    # the command alone, without an engine here or anywhere else
    if [ "$rf_status" = 2 ] && [ -d /proc/self ] && ! have dockerd && [ -z "${DOCKER_HOST-}" ] && [ ! -e /snap/bin/docker ]; then
        [ "$(docker context show 2>/dev/null)" != default ] || rf_status=1
    fi
    # an installation that did not come to its end is done once more
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
    dk ps -a --no-trunc --filter "name=^/$UNIT\$" --format '{{.ID}} {{.Image}}' | emit_text container
    docker_gives
}
# A node under one of six supervisors: system unit, user unit, daemon or agent of launchd's, our own loop, or
# Docker's restart policy.
NODE=$ROOT/$CLUSTER
user_systemctl() {
    XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)} systemctl --user "$@"
}
loop_pid() {
    [ -r "$NODE/loop.pid" ] && read -r rf_pid <"$NODE/loop.pid" || return 1
    case $rf_pid in '' | *[!0-9]*) return 1 ;; esac
    # The number may have passed on to a stranger since.
    if [ -r "/proc/$rf_pid/cmdline" ]; then
        grep -q "loop.sh" "/proc/$rf_pid/cmdline" || return 1
    else
        ps -o command= -p "$rf_pid" 2>/dev/null | grep -q "loop.sh" || return 1
    fi
    printf '%s' "$rf_pid"
}
# launchd's job of a daemon or an agent ($1): where it belongs, its file, and a command that may change it
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
node_service() {
    rf_service=none
    [ ! -r "$NODE/service" ] || read -r rf_service <"$NODE/service" || :
    printf '%s' "$rf_service"
}
# active, or whatever else its supervisor calls it
node_active() {
    case $1 in
        system) systemctl is-active "$UNIT" 2>/dev/null || : ;;
        user) user_systemctl is-active "$UNIT" 2>/dev/null || : ;;
        daemon | agent) job_active "$1" ;;
        loop) if loop_pid >/dev/null; then echo active; else echo inactive; fi ;;
        docker) case $(dk inspect -f '{{.State.Status}}' "$UNIT" 2>/dev/null) in running) echo active ;; restarting) echo activating ;; *) echo inactive ;; esac ;;
        *) echo inactive ;;
    esac
}
node_facts() {
    rf_service=$(node_service)
    emit service "$rf_service"
    if [ "$rf_service" = docker ]; then docker_cli; fi
    emit active "$(node_active "$rf_service")"
    for rf_file in "$NODE"/envs/*/.complete; do
        rf_dir=${rf_file%/.complete}
        if env_whole "$rf_dir"; then emit env "${rf_dir##*/}"; fi
    done
    [ ! -r "$NODE/env/requirements.lock" ] || emit_text requirements <"$NODE/env/requirements.lock"
}
# $1: the kind of service; ends it and keeps it from coming back at the next boot
node_down() {
    case $1 in
        system)
            as_root systemctl disable --now --quiet "$UNIT" 2>/dev/null ||
                as_root systemctl stop "$UNIT" || fail "cannot stop $UNIT" "look at: systemctl status $UNIT"
            # after a crash the stopped unit would still count as failed, and the system as degraded
            as_root systemctl reset-failed "$UNIT" 2>/dev/null || :
            ;;
        user)
            user_systemctl disable --now --quiet "$UNIT" || fail "cannot stop $UNIT"
            user_systemctl reset-failed "$UNIT" 2>/dev/null || :
            ;;
        daemon | agent) job_down "$1" ;;
        loop)
            if rf_pid=$(loop_pid); then
                kill -TERM "$rf_pid" 2>/dev/null || :
                rf_n=0
                while loop_pid >/dev/null && [ "$rf_n" -lt 225 ]; do
                    nap
                    rf_n=$((rf_n + 1))
                done
                if rf_pid=$(loop_pid); then kill -KILL "$rf_pid"; fi
            fi
            rm -f "$NODE/loop.pid"
            ;;
        docker)
            docker_cli
            # without Docker's command there is no container any more; an engine that is down still has it
            [ $? -le 1 ] || fail "Docker's engine does not answer" "look at: docker version"
            # stopped, not removed: its log can still be read
            dk stop "$UNIT" >/dev/null 2>&1 || [ -z "$(dk ps -q -f "name=^/$UNIT\$")" ] ||
                fail "cannot stop the container $UNIT" "look at: docker ps"
            ;;
    esac
    node_reap
}
# $1: the kind of service, already stopped; removes what it has outside of $NODE
node_remove() {
    case $1 in
        docker)
            dk rm -f -v "$UNIT" "rayfab_seed_$CLUSTER" >/dev/null 2>&1 || [ -z "$(dk ps -aq -f "name=^/$UNIT\$")" ] ||
                fail "cannot remove the container $UNIT" "look at: docker ps -a"
            ;;
        system)
            as_root rm -f "/etc/systemd/system/$UNIT.service" && as_root systemctl daemon-reload ||
                fail "cannot remove /etc/systemd/system/$UNIT.service" "as root: rm /etc/systemd/system/$UNIT.service"
            ;;
        user)
            rm -f "$HOME/.config/systemd/user/$UNIT.service"
            for rf_dir in user/default.target.wants user; do
                rmdir "$HOME/.config/systemd/$rf_dir" 2>/dev/null || :
            done
            rmdir "$HOME/.config/systemd" 2>/dev/null || :
            [ ! -e "$NODE/made-config" ] || rmdir "$HOME/.config" 2>/dev/null || :
            user_systemctl daemon-reload 2>/dev/null || :
            [ ! -e "$NODE/made-linger" ] || node_unlinger
            ;;
        agent) [ ! -e "$NODE/made-agents" ] || rmdir "$HOME/Library/LaunchAgents" 2>/dev/null || : ;;
    esac
}
# Lingering that a deploy has turned on goes with the last cluster that needs it.
node_unlinger() {
    for rf_file in "$ROOT"/*/service; do
        [ "$rf_file" != "$NODE/service" ] && grep -qx user "$rf_file" 2>/dev/null || continue
        : >"${rf_file%/*}/made-linger"
        return
    done
    loginctl disable-linger 2>/dev/null || :
}
# Processes of this node, known by the mark in their environment.
node_pids() {
    if [ ! -r /proc/self/environ ]; then
        # macOS shows a process's environment behind its words
        ps -axwwE -o pid=,command= 2>/dev/null |
            RF_NODE=$NODE/ awk 'index($0, "RAYFAB_" "NODE=" ENVIRON["RF_NODE"]) { print $1 }'
        return
    fi
    for rf_file in $(grep -lsF "RAYFAB_NODE=$NODE/" /proc/[0-9]*/environ); do
        rf_file=${rf_file%/environ}
        echo "${rf_file#/proc/}"
    done
}
# Those that outlived their supervisor, and their temporary folder, which start.sh removes unless it is killed.
node_reap() {
    for rf_pid in $(node_pids); do kill -KILL "$rf_pid" 2>/dev/null || :; done
    [ -r "$NODE/tmpdir" ] && IFS= read -r rf_dir <"$NODE/tmpdir" || return 0
    case ${rf_dir#"/tmp/$UNIT-"} in */* | *[!0-9]* | '') ;; *) rm -rf "$rf_dir" ;; esac
    rm -f "$NODE/tmpdir"
}
# With root and systemd: Ray's folder is there again after a boot that cleared /tmp (open to the image's user,
# which Docker alone would not make it), and is spared by the cleaning of old files.
keep_temp() {
    write_file "$NODE/tmpfiles" 644 "d $1 1777 root root -${NL}x $1/*$NL"
    as_root install -D -m 644 "$NODE/tmpfiles" "/etc/tmpfiles.d/$UNIT.conf"
}
# Ray's session folders are told by what `ray start` has said and by the words of this node's own processes
# (session_latest may be another Ray's); they are removed when the cluster is.
note_sessions() {
    if [ "$1" = docker ] && [ -z "${rf_dk-}" ]; then docker_cli; fi
    { node_log_before "$1"; node_words "$1"; } | grep -oE '/[^ =]*/session_[0-9_-]+' | sort -u >>"$NODE/sessions"
}
node_words() {
    if [ "$1" = docker ]; then
        dk exec "$UNIT" sh -c 'cat /proc/[0-9]*/cmdline' 2>/dev/null | tr '\0' ' '
    elif [ -r /proc/self/environ ]; then
        for rf_pid in $(node_pids); do tr '\0' ' ' 2>/dev/null <"/proc/$rf_pid/cmdline"; done
    else
        ps -axo command= 2>/dev/null | grep -F "$NODE/envs/"
    fi
}
# What `ray start` has said, by kind of service.
node_log() {
    if [ "$1" = docker ]; then dk logs "$UNIT" 2>&1; else cat "$NODE/start.log" 2>/dev/null; fi
}
node_log_before() {
    if [ "$1" = docker ]; then node_log docker; else sed '' "$NODE/start.log.1" "$NODE/start.log" 2>/dev/null; fi
}
# how often its supervisor has started it over
node_tries() {
    if [ "$1" = docker ]; then
        dk inspect -f '{{.RestartCount}}' "$UNIT" 2>/dev/null || echo 0
    else
        rf_tries=$(wc -l 2>/dev/null <"$NODE/starts") || rf_tries=1
        echo "$((rf_tries - 1))"
    fi
}
# Where Ray's own folder lies on this host, as the last start has left it.
node_temp() { [ ! -r "$NODE/temp" ] || IFS= read -r TEMP_DIR <"$NODE/temp" || :; }
# rf_logs: the log files of the newest session. Its link names a folder as Ray sees it, in a container maybe another.
node_logs() {
    node_temp
    rf_logs=$(readlink "$TEMP_DIR/session_latest" 2>/dev/null) || rf_logs=session_latest
    rf_logs=$TEMP_DIR/${rf_logs##*/}/logs
}
# A command in the node's environment: $1 the kind of service, then the words.
node_exec() {
    if [ "$1" = docker ]; then
        shift
        # a container that started as root would run it as root
        rf_user=
        [ ! -r "$NODE/user" ] || IFS= read -r rf_user <"$NODE/user" || :
        dk_in exec -i ${rf_user:+--user "$rf_user"} "$UNIT" "$@"
    else
        shift
        # in a shell of its own: the node's environment may set any variable
        (
            # shellcheck source=/dev/null
            . "$NODE/env.sh"
            exec "$@"
        )
    fi
}
# What a script about conda knows: the store, where conda goes, whose it is, and what it leaves in the user's ~/.conda.
STORE=$ROOT/.store
# A path of the hosts file; what does not begin with a slash lies in the user's home.
own_path() {
    case $1 in
        /*) rf_path=$1 ;;
        *) rf_path=$HOME/$1 ;;
    esac
    while :; do case $rf_path in ?*/) rf_path=${rf_path%/} ;; *) break ;; esac; done
    printf '%s' "$rf_path"
}
# For programs that are fetched with, or that build: through the proxy, if there is one. A seed is a neighbour.
proxy_on() {
    if [ -n "${BASE-}" ]; then
        unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    elif [ -n "$PROXY" ]; then
        http_proxy=$PROXY
        https_proxy=$PROXY
        HTTPS_PROXY=$PROXY
        no_proxy=$NO_PROXY_FOR
        NO_PROXY=$NO_PROXY_FOR
        export http_proxy https_proxy HTTPS_PROXY no_proxy NO_PROXY
    fi
}
# Runs a conda so that it writes neither into its own folder nor into the user's.
conda_run() {
    (
        # CI: conda would take it for a yes to terms
        unset PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_SHLVL LD_LIBRARY_PATH CI
        PYTHONNOUSERSITE=1
        PYTHONDONTWRITEBYTECODE=1
        CONDA_REGISTER_ENVS=false
        CONDA_PKGS_DIRS=$ROOT/.cache/conda/pkgs
        CONDA_ALWAYS_SOFTLINK=false
        CONDA_ALWAYS_COPY=false
        CONDA_AUTO_UPDATE_CONDA=false
        CONDA_NOTIFY_OUTDATED_CONDA=false
        CONDA_NUMBER_CHANNEL_NOTICES=0
        CONDA_REPORT_ERRORS=false
        CONDA_ANACONDA_ANON_USAGE=false
        MAMBA_ROOT_PREFIX=$ROOT/.cache/conda/mamba
        MAMBA_NO_BANNER=1
        XDG_CACHE_HOME=$ROOT/.cache/conda/user
        export PYTHONNOUSERSITE PYTHONDONTWRITEBYTECODE CONDA_REGISTER_ENVS CONDA_PKGS_DIRS CONDA_ALWAYS_SOFTLINK \
            CONDA_ALWAYS_COPY CONDA_AUTO_UPDATE_CONDA CONDA_NOTIFY_OUTDATED_CONDA CONDA_NUMBER_CHANNEL_NOTICES \
            CONDA_REPORT_ERRORS CONDA_ANACONDA_ANON_USAGE MAMBA_ROOT_PREFIX MAMBA_NO_BANNER XDG_CACHE_HOME
        "$@"
    )
}
# Programs of an earlier run may still be at work here. $1: the run's mark, a name and a value in their environment
marked_pids() {
    if [ ! -r /proc/self/environ ]; then
        # macOS shows a process's environment behind its words
        ps -axwwE -o pid=,command= 2>/dev/null | RF_AT=${1#RAYFAB_} awk 'index($0, "RAYFAB_" ENVIRON["RF_AT"]) { print $1 }'
        return
    fi
    for rf_file in $(grep -lsF "$1" /proc/[0-9]*/environ); do
        rf_file=${rf_file%/environ}
        echo "${rf_file#/proc/}"
    done
}
# This run owns what the file $1 stands for until another one of this cluster's takes it over, whose programs it ends.
# $2: the name of its programs' mark
own_begin() {
    rf_own=$1
    rf_token="$$ $(date +%s)"
    write_file "$1" 600 "$rf_token$NL"
    for rf_pid in $(marked_pids "$2=$ROOT/$CLUSTER/"); do kill -KILL "$rf_pid" 2>/dev/null; done
    rf_n=0
    # another cluster's go on to their end
    while [ -n "$(marked_pids "$2=$ROOT/")" ] && [ "$rf_n" -lt 3600 ]; do
        [ $((rf_n % 10)) != 0 ] || step "waiting for another cluster's installation on this host"
        sleep 1
        rf_n=$((rf_n + 1))
    done
}
own() {
    rf_held=
    { IFS= read -r rf_held <"$rf_own"; } 2>/dev/null
    [ "$rf_held" = "$rf_token" ]
}
briefly() { if have timeout; then timeout 20 "$@"; else "$@"; fi; }
# $1: kind, $2: program. rf_version: what it says that it is; fails where it says nothing such.
conda_version() {
    rf_version=
    if [ ! -f "$2" ] || [ ! -x "$2" ]; then return 1; fi
    case $1 in
        conda) rf_only='s/^conda //p' ;;
        mamba) rf_only='s/^mamba //; p' ;;
        *) rf_only=p ;;
    esac
    rf_version=$(conda_run briefly "$2" --version 2>&1 </dev/null | sed -n "$rf_only" | sed 's/ .*//' | grep '^[0-9][0-9]*\.[0-9.a-z]*$' | head -n 1)
    [ -n "$rf_version" ]
}
# Both are needed: since then somebody may have put a conda of their own there.
conda_is_ours() { [ -e "$1/.rayfab" ] && [ -r "$ROOT/.conda" ] && grep -qxF -e "$1" "$ROOT/.conda"; }
# rf_state of the prefix $1: absent, ours, found (another one that works), broken (ours), foreign; see also rf_version
conda_state() {
    rf_version=
    if [ -e "$1/.rayfab-installing" ] && [ -r "$ROOT/.conda-installing" ] && grep -qxF -e "$1" "$ROOT/.conda-installing"; then
        rf_state=broken
    elif [ ! -e "$1" ] && [ ! -h "$1" ]; then
        rf_state=absent
    elif [ -d "$1" ] && [ -r "$1" ] && [ -z "$(ls -A "$1")" ]; then
        rf_state=absent
    elif conda_version conda "$1/bin/conda"; then
        if conda_is_ours "$1"; then rf_state=ours; else rf_state=found; fi
    elif conda_is_ours "$1"; then
        rf_state=broken
    else
        rf_state=foreign
    fi
}
# Environments in the prefix $1; none of them is ever ours.
conda_envs() {
    rf_envs=
    for rf_dir in "$1"/envs/*; do [ ! -d "$rf_dir" ] || rf_envs="$rf_envs ${rf_dir##*/}"; done
    [ -n "$rf_envs" ]
}
# Takes a prefix, and what lies below it, out of the list of environments that conda keeps in the user's home.
conda_forget() {
    rf_txt=$HOME/.conda/environments.txt
    [ -f "$rf_txt" ] && grep -qF -e "$1" "$rf_txt" || return 0
    RF_GONE=$1 awk '$0 != ENVIRON["RF_GONE"] && index($0, ENVIRON["RF_GONE"] "/") != 1' "$rf_txt" >"$ROOT/.environments" || return 0
    if [ -s "$ROOT/.environments" ]; then cat "$ROOT/.environments" >"$rf_txt"; else rm -f "$rf_txt"; fi
    rm -f "$ROOT/.environments"
}
# Folders of the user's that are not there yet; the last cluster takes those away that are empty again.
conda_home() {
    for rf_dir in "$HOME/.conda" "$HOME/.conda/envs"; do
        if [ ! -e "$rf_dir" ] && ! grep -qxF -e "$rf_dir" "$ROOT/.made-conda" 2>/dev/null; then
            printf '%s\n' "$rf_dir" >>"$ROOT/.made-conda"
        fi
    done
}
# `conda activate NAME` works with any conda, and none is changed. $1: the name; where it is taken, it stays so.
conda_link() {
    rf_link=$HOME/.conda/envs/$1
    rf_old=
    [ ! -r "$NODE/conda-link" ] || IFS= read -r rf_old <"$NODE/conda-link" || :
    [ "$rf_old" = "$rf_link" ] || conda_unlink
    if [ "$(readlink "$rf_link" 2>/dev/null)" = "$NODE/env" ]; then return 0; fi
    rf_base=
    [ ! -r "$NODE/conda-base" ] || IFS= read -r rf_base <"$NODE/conda-base" || :
    rf_taken=
    for rf_dir in "$rf_base/envs/$1" "$rf_link"; do
        if [ -e "$rf_dir" ] || [ -h "$rf_dir" ]; then rf_taken=$rf_dir; fi
    done
    if [ -z "$rf_taken" ] && [ -r "$HOME/.conda/environments.txt" ]; then
        rf_taken=$(RF_NAME=/$1 awk '{ n = length($0) - length(ENVIRON["RF_NAME"]) + 1 }
            n > 0 && substr($0, n) == ENVIRON["RF_NAME"] { print; exit }' "$HOME/.conda/environments.txt")
    fi
    if [ -n "$rf_taken" ]; then
        emit note "there is another conda environment $1 ($rf_taken); this one is: conda activate $NODE/env"
        return
    fi
    conda_home
    mkdir -p "$HOME/.conda/envs" && ln -s "$NODE/env" "$rf_link" && write_file "$NODE/conda-link" 600 "$rf_link$NL"
}
conda_unlink() {
    [ -r "$NODE/conda-link" ] || return 0
    IFS= read -r rf_old <"$NODE/conda-link" || :
    if [ "$(readlink "$rf_old" 2>/dev/null)" = "$NODE/env" ]; then
        rm -f "$rf_old"
        conda_forget "$rf_old"
    fi
    rm -f "$NODE/conda-link"
}
# Waits until `ray start` says that it has started; $1: the kind of service.
wait_ray() {
    rf_n=0
    rf_t0=$(date +%s)
    while :; do
        node_log "$1" | grep -q 'Ray runtime started' && break
        rf_n=$((rf_n + 1))
        if [ $((rf_n % 5)) = 0 ]; then
            rf_t=$(($(date +%s) - rf_t0))
            step "waiting for Ray, $rf_t s"
            if [ "$rf_t" -ge "$START_TIMEOUT" ] || [ "$(node_tries "$1")" -ge 2 ]; then
                node_log_before "$1" | tail -n 25 | emit_text log
                node_down "$1"
                if [ "$rf_t" -ge "$START_TIMEOUT" ]; then fail "Ray did not start within $START_TIMEOUT s"; fi
                fail "ray start failed twice"
            fi
        fi
        nap
    done
    node_log "$1" | grep -oE -- "--address='[^']+'" | head -n 1 | emit_text address
    # now, since after a crash or a reboot there is another one
    note_sessions "$1"
    emit started 1
}
main() {
# Puts the start script under its supervisor, (re)starts it and waits for Ray.
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
(umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
rf_old=$(node_service)
[ "$rf_old" = none ] || note_sessions "$rf_old"
case $rf_old:$SERVICE in
    # systemd replaces a unit of its own
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
            # the session of a person in front of the screen takes only what is made for that
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
finish 0
}
main </dev/null
