# rayfab: clean up after the image
# shellcheck disable=SC2034
set -u
CLUSTER=lab
UNIT=rayfab-lab
IMAGE=rayproject/ray:2.52.0
IMAGE_ARM=rayproject/ray:2.52.0-aarch64
LOCAL_TAG=''
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
# The tag for this host's own architecture, where the image has one for each.
image_name() {
    [ -z "${IMAGE_ARM-}" ] || case $(uname -m) in aarch64 | arm64) IMAGE=$IMAGE_ARM ;; esac
}
# $1, or the image under one of its names: id, platform, date, layers, digests; one line
image_about() {
    rf_about='{{.Id}} {{.Os}}/{{.Architecture}} {{.Created}} {{range .RootFS.Layers}}{{.}},{{end}} {{range .RepoDigests}}{{.}},{{end}}'
    for rf_name in "${1:-$IMAGE}" $LOCAL_TAG; do
        # docker prints an empty line for what is not there
        rf_known=$(dk image inspect --format "$rf_about" "$rf_name" 2>/dev/null) && printf '%s\n' "$rf_known" && return 0
        [ -z "$1" ] || return 1
    done
    return 1
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
# The image on this host: what it is, and the versions inside it.
image_begin() {
    (umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
    docker_cli || fail "Docker's engine does not answer" "look at: docker version"
    image_name
}
# $1: how much, or empty
no_space() {
    fail "no space for the image $IMAGE${1:+: $1}" "free some space where Docker keeps its images: docker system df; docker image prune"
}
# Asking the image takes a container; what it said is kept beside its id.
image_tell() {
    rf_image=$(image_about '') || fail "the image $IMAGE is not there" "look at: docker image ls"
    printf '%s\n' "$rf_image" | emit_text image
    rf_id=${rf_image%% *}
    if [ -r "$NODE/image" ] && grep -q "^$rf_id " "$NODE/image"; then
        rf_said=$(cat "$NODE/image")
    else
        step "reading the image's versions"
        rf_said=$(dk run --rm --network none --entrypoint python "$rf_id" -c \
            'import platform, os, ray; print("RF", ray.__version__, platform.python_version(), f"{os.getuid()}:{os.getgid()}")' 2>"$NODE/install.log" |
            sed -n 's/^RF //p')
        [ -n "$rf_said" ] || image_broken
        rm -f "$NODE/install.log"
        rf_said="$rf_id $rf_said"
        write_file "$NODE/image" 600 "$rf_said"
    fi
    emit image_versions "${rf_said#* }"
}
image_broken() {
    tail -n 5 "$NODE/install.log" | emit_text log
    rf_said=$(cat "$NODE/install.log")
    rm -f "$NODE/install.log"
    case $rf_said in
        *"exec format error"* | *"does not match the detected host platform"*)
            rf_said=${rf_image#* }
            fail "the image $IMAGE is for ${rf_said%% *}, and this host is $(uname -m)" "docker.image of this host: one for its architecture" ;;
        *"no space left"*) no_space '' ;;
    esac
    fail "the image $IMAGE cannot run ray" "docker run --rm --entrypoint python $IMAGE -c 'import ray'"
}
main() {
# After the image has been handed on: no server and no pieces stay.
docker_cli || :
dk rm -f "rayfab_seed_$CLUSTER" >/dev/null 2>&1
rm -rf "$NODE/image.parts"
finish 0
}
main </dev/null
