# rayfab: install Ray with conda
# shellcheck disable=SC2034
set -u
CLUSTER=lab
UNIT=rayfab-lab
ITEMS='installer Miniconda3-py39_24.1.2-0-Linux-x86_64.sh 0000000000000000000000000000000000000000000000000000000000000000 130000000
tool uv-0.9.0-py3-none-manylinux_2_17_x86_64.whl 1111111111111111111111111111111111111111111111111111111111111111 20000000
conda python-3.7.16-h7a1cb2a_0.conda 2222222222222222222222222222222222222222222222222222222222222222 12000000
wheel ray-2.7.2-cp37-cp37m-manylinux2014_x86_64.whl 3333333333333333333333333333333333333333333333333333333333333333 60000000
sdist gpustat-1.0.0.tar.gz 4444444444444444444444444444444444444444444444444444444444444444 90000'
PREFIX=conda
INSTALLER=Miniconda3-py39_24.1.2-0-Linux-x86_64.sh
CONDA=''
CONDA_KIND=conda
ENV_ID=ray-2.7.2-py3.7.16-abc
PYTHON_VERSION=3.7.16
INDEX=''
UV_VERSION=0.9.0
UV_WHEEL=uv-0.9.0-py3-none-manylinux_2_17_x86_64.whl
ACCEPT_TERMS=yes
LOCK='rayfab-lock 1
'
PROXY=''
NO_PROXY_FOR=''
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
# An environment is whole while it has every file that its installation has listed; older ones have no list.
env_whole() {
    [ -r "$1/.complete" ] && [ -x "$1/bin/ray" ] && "$1/bin/python" -V >/dev/null 2>&1 || return 1
    [ -r "$1/.files" ] || return 0
    (cd "$1" && find . ! -type d ! -name '*.pyc') | RF_LIST=$1/.files awk '
        BEGIN { while ((getline line < ENVIRON["RF_LIST"]) > 0) { listed["./" line] = 1; left++ } }
        $0 in listed { left-- }
        END { exit (left != 0) }'
}
# Its list, and the mark that it is complete.
env_done() {
    (cd "$1" && find . ! -type d ! -name '*.pyc' | sed 's|^\./||' | sort) >"$1.files" && mv -f "$1.files" "$1/.files" &&
        : >"$1/.complete" || fail "cannot write $1" "free some space below $HOME"
}
# Sums of files, and room for them.
# $1: file, $2: what to say where nothing on this host can compute one
sum_of() {
    if have sha256sum; then
        sha256sum <"$1"
    elif have shasum; then
        shasum -a 256 <"$1"
    elif have openssl; then
        openssl dgst -sha256 -r <"$1"
    elif have python3; then
        python3 -c 'import hashlib, sys
found = hashlib.sha256()
for part in iter(lambda: sys.stdin.buffer.read(1 << 20), b""):
    found.update(part)
print(found.hexdigest())' <"$1"
    else
        echo "$2"
    fi | cut -d' ' -f1
}
free_kb() { df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $4 }'; }
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
# uv on this host: in a folder of its own version, or another one of that version.
rf_uv=$ROOT/.uv/$UV_VERSION/uv
uv_works() { [ "$("$1" --version 2>/dev/null | cut -d' ' -f2)" = "$UV_VERSION" ]; }
uv_here() {
    if uv_works "$rf_uv"; then return 0; fi
    if have uv && uv_works uv; then
        rf_uv=$(command -v uv)
        return 0
    fi
    return 1
}
uv_begin() {
    UV_CACHE_DIR=$ROOT/.cache/uv
    UV_SYSTEM_CERTS=1
    UV_NATIVE_TLS=1
    UV_NO_PROGRESS=1
    UV_PYTHON_INSTALL_DIR=$ROOT/.python
    export UV_CACHE_DIR UV_SYSTEM_CERTS UV_NATIVE_TLS UV_NO_PROGRESS UV_PYTHON_INSTALL_DIR
    unset VIRTUAL_ENV CONDA_PREFIX PYTHONHOME PYTHONPATH
    if [ -n "$INDEX" ]; then
        UV_DEFAULT_INDEX=$INDEX
        export UV_DEFAULT_INDEX
    fi
}
main() {
# conda, an environment of the locked packages; from the store alone, so nothing is fetched. What is whole stays.
rf_env=$NODE/envs/$ENV_ID
rf_log=$NODE/install.log
# May programs run from the folder $1?
may_run() {
    printf '#!/bin/sh\nexit 0\n' >"$1/.rayfab-run" 2>/dev/null && chmod 700 "$1/.rayfab-run" || return 0
    "$1/.rayfab-run" 2>/dev/null
    rf_code=$?
    rm -f "$1/.rayfab-run"
    [ "$rf_code" = 0 ]
}
# $1: what is being done, then the command; it is said how long that takes.
busy() {
    own || fail "another run has taken over"
    rf_text=$1
    shift
    step "$rf_text"
    (
        RAYFAB_INSTALL=$ROOT/$CLUSTER/
        export RAYFAB_INSTALL
        "$@"
    ) &
    rf_job=$!
    rf_t0=$(date +%s)
    rf_n=0
    while kill -0 "$rf_job" 2>/dev/null; do
        nap
        rf_n=$((rf_n + 1))
        [ $((rf_n % 25)) != 0 ] || step "$rf_text, $(($(date +%s) - rf_t0)) s"
    done
    wait "$rf_job"
    set -- $?
    # what follows, clearing up above all, is only for the one that owns this
    own || fail "another run has taken over"
    return "$1"
}
store_sums() {
    rf_bad=0
    while read -r rf_kind rf_file rf_sum rf_size; do
        [ "$(sum_of "$STORE/$rf_file" "$rf_sum")" != "$rf_sum" ] || continue
        rm -f "$STORE/$rf_file"
        rf_bad=$((rf_bad + 1))
    done <<END
$ITEMS
END
}
# $1: what could not be done, $2: the hint where nothing in the log gives a better one. Half an environment is of no use.
say_why() {
    tail -n 25 "$rf_log" | emit_text log
    rf_said=$(cat "$rf_log")
    rf_last=$(grep -v '^[[:space:]]*$' "$rf_log" | tail -n 1)
    # where nothing more can be written, the log cannot say so either
    rf_full=
    for rf_dir in "$ROOT" "${rf_where:-$ROOT}"; do
        rf_free=$(free_kb "$rf_dir")
        [ "${rf_free:-20000}" -ge 20000 ] || rf_full=": $((rf_free / 1000)) MB are free in $rf_dir"
    done
    rm -rf "$rf_env" "$rf_log" "$ROOT/.cache/conda" "$ROOT/.cache/tmp"
    [ -z "$rf_full" ] || fail "the disk is full$rf_full" "free some space there"
    case $rf_said in
        *"o space left"* | *"ot enough free disk space"* | *"isk quota exceeded"*)
            fail "the disk is full" "free some space below ${rf_where:-$HOME}" ;;
        *"requires GLIBC"* | *"requires glibc"* | *"GLIBC_2."*"not found"*)
            [ -n "${rf_where-}" ] || fail "this system is too old for it: $rf_last" "the packages were built for a newer glibc"
            fail "this system is too old for it: $rf_last" "conda.installer of this host: an older one, as a URL or a file"
            ;;
    esac
    may_run "$ROOT" || fail "programs cannot run from $ROOT" "its file system is mounted with noexec; mount it without, or runtime: docker"
    may_run "${rf_where:-$ROOT}" || fail "programs cannot run from $rf_where" "its file system is mounted with noexec; conda.prefix: another folder"
    store_sums
    [ "$rf_bad" = 0 ] || fail "$rf_bad of the packages in the store were damaged" "they are removed; run again to fetch them again"
    fail "$1: $rf_last" "$2"
}
run_installer() {
    # where /tmp must not hold programs, this folder may
    TMPDIR=$ROOT/.cache/tmp
    export TMPDIR
    # -u: into a folder that is there, which holds our mark
    conda_run sh "$STORE/$INSTALLER" -b -u -p "$rf_prefix" >"$rf_log" 2>&1 </dev/null
}
install_conda() {
    case $rf_prefix in *[[:space:]]*) fail "conda cannot be installed in a folder whose path has spaces: $rf_prefix" "conda.prefix: another folder" ;; esac
    # older installers hand it to eval
    case $rf_prefix in [!/]* | *[]\"\'\`\$\;\&\|\<\>\(\)*?[{}!\\#]*) fail "conda cannot be installed into $rf_prefix" "conda.prefix: an absolute path without special characters of the shell" ;; esac
    [ -n "$INSTALLER" ] || fail "there is no conda on this host, and no installer" "conda.installer"
    rf_where=${rf_prefix%/*}
    mkdir -p "${rf_where:=/}" 2>/dev/null && [ -w "$rf_where" ] || fail "cannot write into $rf_where" "conda.prefix: a folder that $(id -un) may write into"
    [ ! -d "$rf_prefix" ] || rmdir "$rf_prefix" || fail "cannot remove $rf_prefix" "conda.prefix: another folder"
    conda_home
    rm -rf "$ROOT/.cache/tmp"
    mkdir -p "$ROOT/.cache/tmp"
    write_file "$ROOT/.conda-installing" 600 "$rf_prefix$NL"
    # with this mark in it, only what is ours is ever removed
    mkdir "$rf_prefix" && : >"$rf_prefix/.rayfab-installing" || fail "cannot write into $rf_where" "conda.prefix: another folder"
    busy "installing conda" run_installer
    rf_code=$?
    rf_gone=
    if [ "$rf_code" != 0 ]; then
        rf_gone="the installer failed"
    elif ! conda_version conda "$rf_prefix/bin/conda"; then
        rf_gone="the conda that was installed does not run"
        "$rf_prefix/bin/conda" --version >>"$rf_log" 2>&1
    fi
    if [ -n "$rf_gone" ]; then
        # it was not there before, unless the installer has found otherwise
        if grep -q "already exists" "$rf_log"; then rm -f "$rf_prefix/.rayfab-installing"; else rm -rf "$rf_prefix"; fi
        conda_forget "$rf_prefix"
        rm -f "$ROOT/.conda-installing"
        say_why "$rf_gone" "the lines above are the installer's own"
    fi
    : >"$rf_prefix/.rayfab" && { conda_is_ours "$rf_prefix" || printf '%s\n' "$rf_prefix" >>"$ROOT/.conda"; } || fail "cannot write into $rf_prefix"
    rm -rf "$ROOT/.conda-installing" "$rf_prefix/.rayfab-installing" "$ROOT/.cache/tmp"
    conda_forget "$rf_prefix"
    rf_where=
    emit conda_installed "$rf_prefix"
}
# rf_conda: one that works, CONDA or that in PREFIX
find_conda() {
    rf_conda=$CONDA
    if [ -n "$rf_conda" ]; then
        conda_version "$CONDA_KIND" "$rf_conda" || fail "$rf_conda does not work" "look at: $rf_conda --version"
        return
    fi
    rf_prefix=$(own_path "$PREFIX")
    rf_conda=$rf_prefix/bin/conda
    conda_state "$rf_prefix"
    case $rf_state in
        ours | found) return ;;
        foreign) fail "$rf_prefix exists but contains no working conda" "conda.prefix: another folder; or remove this one" ;;
        broken)
            ! conda_envs "$rf_prefix" || fail "the conda in $rf_prefix is broken and contains environments:$rf_envs" "repair or remove it by hand"
            step "removing what is left of conda"
            rm -rf "$rf_prefix" || fail "cannot remove $rf_prefix"
            ;;
    esac
    install_conda
}
# uv is in a wheel of the store; the environment's own Python opens it.
unpack_uv() {
    [ -n "$UV_WHEEL" ] && mkdir -p "${rf_uv%/*}" && "$rf_env/bin/python" -c '
import os, sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
data = wheel.read([name for name in wheel.namelist() if name.endswith("/scripts/uv")][0])
with open(sys.argv[2] + ".part", "wb") as out:
    out.write(data)
os.chmod(sys.argv[2] + ".part", 0o755)
os.rename(sys.argv[2] + ".part", sys.argv[2])' "$STORE/$UV_WHEEL" "$rf_uv" 2>>"$rf_log" && uv_works "$rf_uv"
}
pip_install() {
    if [ -n "$rf_pip" ]; then
        PYTHONNOUSERSITE=1 PIP_CONFIG_FILE=/dev/null PIP_INDEX_URL=${INDEX:-https://pypi.org/simple} "$rf_env/bin/python" -m pip \
            --disable-pip-version-check install --quiet --no-warn-script-location --no-deps "$@" 2>>"$rf_log"
    else
        "$rf_uv" pip install --quiet --no-deps --python "$rf_env/bin/python" "$@" 2>>"$rf_log"
    fi
}
(umask 077 && mkdir -p "$NODE/envs") || fail "cannot make $NODE/envs" "free some space, or make the folder writable for $(id -un)"
if env_whole "$rf_env"; then
    emit changed 0
    finish 0
fi
rf_lacking=$({
    ls -ln "$STORE" 2>/dev/null | awk '{ print $NF, $5 }'
    printf '%s\n' "$ITEMS"
} | awk 'NF == 2 { here[$1] = $2 } NF == 4 && here[$2] != $4 { print $2 }')
if [ -n "$rf_lacking" ]; then
    for rf_file in $rf_lacking; do emit missing "$rf_file"; done
    fail "packages are missing in $STORE" "run again to fetch them"
fi
: >"$rf_log" || fail "cannot write $rf_log" "free some space below $HOME"
own_begin "$NODE/installing" RAYFAB_INSTALL
find_conda
rm -rf "$rf_env"
mkdir -p "$ROOT/.cache/conda/pkgs"
conda_home
rf_url=file://$(printf '%s' "$STORE" | sed 's/%/%25/g; s/ /%20/g; s/"/%22/g; s/#/%23/g; s/\$/%24/g; s/?/%3F/g; s/\[/%5B/g; s/\\/%5C/g; s/]/%5D/g; s/`/%60/g; s/{/%7B/g; s/}/%7D/g')
write_file "$NODE/explicit.txt" 600 "@EXPLICIT$NL$(printf '%s\n' "$ITEMS" | RF_URL=$rf_url awk '$1 == "conda" { print ENVIRON["RF_URL"] "/" $2 }')$NL"
set -- create -y -q --offline -p "$rf_env" --file "$NODE/explicit.txt"
case $CONDA_KIND in
    micromamba) set -- "$@" --no-rc ;;
    *) set -- "$@" --override-channels -c "$rf_url" ;;
esac
create_environment() {
    CONDA_PLUGINS_AUTO_ACCEPT_TOS=$ACCEPT_TERMS
    export CONDA_PLUGINS_AUTO_ACCEPT_TOS
    conda_run "$rf_conda" "$@" >"$rf_log" 2>&1 </dev/null
}
busy "making the environment" create_environment "$@" || {
    conda_forget "$rf_env"
    rm -f "$NODE/explicit.txt"
    say_why "conda cannot make the environment" "look at the lines above; $rf_conda is what was used"
}
conda_forget "$rf_env"
# the store has them
rm -f "$NODE/explicit.txt" "$ROOT"/.cache/conda/pkgs/*.conda "$ROOT"/.cache/conda/pkgs/*.tar.bz2
rf_said=$("$rf_env/bin/python" -V 2>&1)
[ "$rf_said" = "Python $PYTHON_VERSION" ] || {
    printf '%s\n' "$rf_said" >>"$rf_log"
    say_why "the environment does not have Python $PYTHON_VERSION" "run again"
}
: >"$rf_log"
uv_begin
proxy_on
rf_pip=
uv_here || unpack_uv || rf_pip=1
if [ -n "$rf_pip" ] && ! "$rf_env/bin/python" -m pip --version >/dev/null 2>>"$rf_log"; then
    say_why "neither uv nor pip can install the packages" "can programs run from $ROOT?"
fi
write_file "$rf_env/requirements.lock" 600 "$LOCK"
# a wheel is named by its package and version; the sum makes it that very file
printf '%s\n' "$ITEMS" | awk '$1 == "wheel" { split($2, word, "-"); print word[1] "==" word[2] " --hash=sha256:" $3 }' >"$rf_env/.wheels"
[ ! -s "$rf_env/.wheels" ] || busy "installing packages" pip_install --no-index --find-links "$rf_url" --require-hashes -r "$rf_env/.wheels" ||
    say_why "cannot install the packages" "the lines above say which"
for rf_file in $(printf '%s\n' "$ITEMS" | awk '$1 == "sdist" { print $2 }'); do
    busy "building $rf_file" pip_install "$STORE/$rf_file" || say_why "cannot build $rf_file" "it has no wheel for this host; a package that has one, or a compiler"
done
rm -f "$rf_env/.wheels"
[ -x "$rf_env/bin/ray" ] || fail "the packages do not include ray" "add ray to conda.packages"
rf_dir=${rf_conda%/*}
write_file "$NODE/conda-base" 600 "${rf_dir%/*}$NL"
own || fail "another run has taken over"
env_done "$rf_env"
rm -f "$rf_log" "$rf_own"
# What no environment here was made of goes, unless it has just come.
for rf_file in $(find "$STORE" -type f -mtime +1 2>/dev/null | sed 's|.*/||'); do
    case "$NL$ITEMS$NL" in *" $rf_file "*) continue ;; esac
    grep -qsF -e " $rf_file " "$ROOT"/*/envs/*/requirements.lock || rm -f "$STORE/$rf_file"
done
emit changed 1
finish 0
}
main </dev/null
