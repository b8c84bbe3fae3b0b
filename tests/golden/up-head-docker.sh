# rayfab: start the head
# shellcheck disable=SC2034
set -u
CLUSTER=lab
UNIT=rayfab-lab
STATE='{"env": "ray-2.52.0-py3.11.2-abc", "hash": "30606e0158267eec", "head": "10.0.0.1:6379", "image": "sha256:0123abcd", "node_ip": "10.0.0.1", "python": "3.11.2", "ray": "2.52.0", "request": "request0", "role": "head", "service": "docker", "start": {"args": {"--dashboard-agent-grpc-port": "20002", "--dashboard-agent-listen-port": "20005", "--dashboard-host": "127.0.0.1", "--dashboard-port": "8265", "--disable-usage-stats": "", "--head": "", "--max-worker-port": "19999", "--metrics-export-port": "20004", "--min-worker-port": "10002", "--node-ip-address": "10.0.0.1", "--node-manager-port": "20000", "--node-name": "head", "--object-manager-port": "20001", "--port": "6379", "--ray-client-server-port": "10001", "--runtime-env-agent-port": "20003", "--temp-dir": "/tmp/ray"}, "docker": {"--shm-size": "2147483648"}, "env": {"AUTOSCALER_METRIC_PORT": "cc3f", "DASHBOARD_METRIC_PORT": "13f8", "RAY_AUTH_MODE": "3c46", "RAY_USAGE_STATS_ENABLED": "5fec"}, "image": "rayproject/ray:2.52.0", "network": "host", "run_args": {}, "user_args": {}}, "token": "0123456789ab"}'
START_TIMEOUT=120
TEMP_DIR=/tmp/ray
with_run() { "$@" --detach --name rayfab-lab --network=host --init --shm-size=2147483648 --volume /tmp/ray:/tmp/ray --restart unless-stopped --stop-timeout 45 --log-driver json-file --log-opt max-size=20m --log-opt max-file=3 --label rayfab.cluster=lab --label rayfab.hash=30606e0158267eec --env RAY_AUTH_MODE=token --env RAY_USAGE_STATS_ENABLED=0 --env AUTOSCALER_METRIC_PORT=20006 --env DASHBOARD_METRIC_PORT=20007 sha256:0123abcd ray start --head --port=6379 --dashboard-host=127.0.0.1 --dashboard-port=8265 --ray-client-server-port=10001 --node-ip-address=10.0.0.1 --node-name=head --node-manager-port=20000 --object-manager-port=20001 --min-worker-port=10002 --max-worker-port=19999 --metrics-export-port=20004 --dashboard-agent-grpc-port=20002 --dashboard-agent-listen-port=20005 --runtime-env-agent-port=20003 --temp-dir=/tmp/ray --disable-usage-stats --block; }
CONTAINER_USER=''
IMAGE=sha256:0123abcd
RAY_USER=1000:100
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
# Replaces this node's container and waits for Ray.
docker_cli || fail "Docker's engine does not answer" "look at: docker version"
(umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
rf_old=$(node_service)
if [ "$rf_old" != none ]; then
    note_sessions "$rf_old"
    step "stopping the previous node"
    node_down "$rf_old"
    [ "$rf_old" = docker ] || node_remove "$rf_old"
fi
# a killed run may have left its server of images here
dk rm -f -v "$UNIT" "rayfab_seed_$CLUSTER" >/dev/null 2>&1 || :
rm -f "$NODE/state.json"
# The image's user may have any uid: the folder is open to all and sticky, as /tmp itself is.
if [ ! -d "$TEMP_DIR" ]; then
    [ -d "${TEMP_DIR%/*}" ] || : >"$NODE/made-tmp"
    mkdir -p "$TEMP_DIR" && chmod 1777 "$TEMP_DIR" || fail "cannot make $TEMP_DIR"
else
    chmod 1777 "$TEMP_DIR" 2>/dev/null || as_root chmod 1777 "$TEMP_DIR" 2>/dev/null || :
fi
# What another user has left there stops Ray: links that a sticky folder keeps, and the logs of a session that a
# worker comes back to. A container, since its uids need not be this host's; a Mac's folders have no such owners.
rf_strange=
if [ -n "$RAY_USER" ] && [ "$(uname)" != Darwin ]; then
    rf_strange=$(
        {
            printf '%s\n' session_latest ray_current_cluster prom_metrics_service_discovery.json tmp_prom_metrics_service_discovery.json
            sed 's|.*/||' "$NODE/sessions" 2>/dev/null | sort -u
        } | while IFS= read -r rf_file; do
            rf_owner=$(ls -ldn "$TEMP_DIR/$rf_file" 2>/dev/null | awk '{ print $3 }')
            if [ -n "$rf_owner" ] && [ "$rf_owner" != "${RAY_USER%%:*}" ]; then printf ' %s' "$rf_file"; fi
        done
    )
fi
if [ -n "$rf_strange" ]; then
    step "taking over what another user has left in $TEMP_DIR"
    # shellcheck disable=SC2086,SC2016
    dk run --rm --user 0:0 --network none --volume "$TEMP_DIR:/tmp/ray" --entrypoint sh "$IMAGE" -c 'cd /tmp/ray || exit
        for f; do
            case $f in
                session_[0-9]*) chown -R "$0" "$f" ;;
                *) rm -f "$f" ;;
            esac
        done' "$RAY_USER" $rf_strange >/dev/null 2>&1 || emit note "another user has left files in $TEMP_DIR that may break Ray:$rf_strange"
fi
case $TEMP_DIR in /tmp/*) rf_cleared=1 ;; *) rf_cleared= ;; esac
if [ -n "$rf_cleared" ] && [ -d /run/systemd/system ]; then
    can_root && keep_temp "$TEMP_DIR" ||
        emit note "if a boot clears /tmp, the container cannot write $TEMP_DIR; ask root for: echo 'd $TEMP_DIR 1777' >/etc/tmpfiles.d/$UNIT.conf"
fi
write_file "$NODE/service" 600 docker
write_file "$NODE/temp" 600 "$TEMP_DIR"
write_file "$NODE/user" 600 "$CONTAINER_USER"
# Docker reads the token from a file of mode 0600, so that no argument list holds it.
write_file "$NODE/container.env" 600 "${RF_TOKEN:+RAY_AUTH_TOKEN=$RF_TOKEN$NL}"
[ -z "${RF_TOKEN-}" ] || write_file "$NODE/token" 600 "$RF_TOKEN"
step "starting the container"
with_run dk run --env-file "$NODE/container.env" >"$NODE/install.log" 2>&1 || {
    rf_said=$(sed -e '/docker run --help/d' -e '/^[[:space:]]*$/d' "$NODE/install.log" | tail -n 3)
    rm -f "$NODE/install.log" "$NODE/container.env"
    dk rm -f "$UNIT" >/dev/null 2>&1
    case $rf_said in
        *"could not select device driver"* | *nvidia-container* | *"nvidia.com/gpu"*)
            rf_hint="NVIDIA's container toolkit is missing or broken, or the engine has not started over since it came: sudo systemctl restart docker; gpus: 0 does without"
            ;;
        *"setting rlimit"*) rf_hint='a container cannot have that many open files here; less, by: docker: {run_args: ["--ulimit=nofile=1024"]}' ;;
        *"user namespaces"*) rf_hint='docker: {run_args: ["--userns=host"]}' ;;
        *) rf_hint= ;;
    esac
    fail "docker run failed: $rf_said" "$rf_hint"
}
rm -f "$NODE/install.log" "$NODE/container.env"
wait_ray docker
write_file "$NODE/state.json" 600 "$STATE"
finish 0
}
main </dev/null
