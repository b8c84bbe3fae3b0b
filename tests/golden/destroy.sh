# rayfab: remove everything
# shellcheck disable=SC2034
set -u
CLUSTER=lab
UNIT=rayfab-lab
TEMP_DIR=/tmp/ray
PURGE=''
OUTSIDE=conda
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
# Docker's command, and a node in a container that Docker's restart policy keeps alive.
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
docker_reach() { [ -n "${rf_dk-}" ] || docker_cli; }
docker_need() { docker_cli || fail "Docker's engine does not answer"; }
docker_active() {
    case $(dk inspect -f '{{.State.Status}}' "$UNIT" 2>/dev/null) in
        running) echo active ;;
        restarting) echo activating ;;
        *) echo inactive ;;
    esac
}
docker_down() {
    docker_cli
    # without Docker's command there is no container any more; an engine that is down still has it
    [ $? -le 1 ] || fail "Docker's engine does not answer" "look at: docker version"
    # stopped, not removed: its log can still be read
    dk stop "$UNIT" >/dev/null 2>&1 || [ -z "$(dk ps -q -f "name=^/$UNIT\$")" ] ||
        fail "cannot stop the container $UNIT" "look at: docker ps"
}
docker_gone() {
    dk rm -f -v "$UNIT" "rayfab_seed_$CLUSTER" >/dev/null 2>&1 || [ -z "$(dk ps -aq -f "name=^/$UNIT\$")" ] ||
        fail "cannot remove the container $UNIT" "look at: docker ps -a"
}
docker_words() { dk exec "$UNIT" sh -c 'cat /proc/[0-9]*/cmdline' 2>/dev/null | tr '\0' ' '; }
docker_log() { dk logs "$UNIT" 2>&1; }
docker_log_before() { docker_log; }
docker_log_file() { :; }
docker_tell_log() {
    if ! dk inspect "$UNIT" >/dev/null 2>&1; then
        emit note "the container $UNIT is gone, and its own log with it"
    else
        dk logs --tail "$LINES_EACH" "$UNIT" 2>&1 | emit_text log:container
    fi
}
docker_tries() { dk inspect -f '{{.RestartCount}}' "$UNIT" 2>/dev/null || echo 0; }
docker_place() { :; }
docker_exec() {
    # a container that started as root would run it as root
    rf_user=
    [ ! -r "$NODE/user" ] || IFS= read -r rf_user <"$NODE/user" || :
    dk_in exec -i ${rf_user:+--user "$rf_user"} "$UNIT" "$@"
}
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
# The loop of this project's own, where neither systemd nor launchd runs.
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
loop_active() { if loop_pid >/dev/null; then echo active; else echo inactive; fi; }
loop_up() {
    write_file "$NODE/loop.sh" 700 "$LOOP_SH"
    if have setsid; then
        setsid sh "$NODE/loop.sh" </dev/null >/dev/null 2>&1 &
    else
        nohup sh "$NODE/loop.sh" </dev/null >/dev/null 2>&1 &
    fi
}
loop_down() {
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
}
# Units of systemd: `system` of the machine's own manager, `user` of the user's.
user_systemctl() {
    XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)} systemctl --user "$@"
}
system_active() { systemctl is-active "$UNIT" 2>/dev/null || :; }
user_active() { user_systemctl is-active "$UNIT" 2>/dev/null || :; }
# a restart is enough where a unit takes the place of one of the same name
system_replaces() { :; }
user_replaces() { :; }
system_up() {
    keep_temp "$TEMP_DIR"
    write_file "$NODE/unit" 644 "$UNIT_TEXT"
    as_root install -m 644 "$NODE/unit" "/etc/systemd/system/$UNIT.service" &&
        as_root systemctl daemon-reload && as_root systemctl enable --quiet "$UNIT" 2>/dev/null &&
        as_root systemctl restart --no-block "$UNIT" ||
        fail "systemd does not take the unit $UNIT" "look at: systemctl status $UNIT"
}
user_up() {
    [ -d "$HOME/.config" ] || : >"$NODE/made-config"
    mkdir -p "$HOME/.config/systemd/user" || fail "cannot make $HOME/.config/systemd/user"
    write_file "$HOME/.config/systemd/user/$UNIT.service" 644 "$UNIT_TEXT"
    [ -e "/var/lib/systemd/linger/$(id -un)" ] ||
        { loginctl enable-linger 2>/dev/null && : >"$NODE/made-linger"; } || emit note "no lingering: Ray ends when the last session of $(id -un) does; ask root for: loginctl enable-linger $(id -un)"
    user_systemctl daemon-reload && user_systemctl enable --quiet "$UNIT" &&
        user_systemctl restart --no-block "$UNIT" || fail "systemd --user does not take the unit $UNIT"
}
system_down() {
    as_root systemctl disable --now --quiet "$UNIT" 2>/dev/null ||
        as_root systemctl stop "$UNIT" || fail "cannot stop $UNIT" "look at: systemctl status $UNIT"
    # after a crash the stopped unit would still count as failed, and the system as degraded
    as_root systemctl reset-failed "$UNIT" 2>/dev/null || :
}
user_down() {
    user_systemctl disable --now --quiet "$UNIT" || fail "cannot stop $UNIT"
    user_systemctl reset-failed "$UNIT" 2>/dev/null || :
}
system_gone() {
    as_root rm -f "/etc/systemd/system/$UNIT.service" && as_root systemctl daemon-reload ||
        fail "cannot remove /etc/systemd/system/$UNIT.service" "as root: rm /etc/systemd/system/$UNIT.service"
}
user_gone() {
    rm -f "$HOME/.config/systemd/user/$UNIT.service"
    for rf_dir in user/default.target.wants user; do
        rmdir "$HOME/.config/systemd/$rf_dir" 2>/dev/null || :
    done
    rmdir "$HOME/.config/systemd" 2>/dev/null || :
    [ ! -e "$NODE/made-config" ] || rmdir "$HOME/.config" 2>/dev/null || :
    user_systemctl daemon-reload 2>/dev/null || :
    [ ! -e "$NODE/made-linger" ] || user_unlinger
}
# Lingering that a deploy has enabled is disabled with the last cluster that needs it.
user_unlinger() {
    for rf_file in "$ROOT"/*/service; do
        [ "$rf_file" != "$NODE/service" ] && grep -qx user "$rf_file" 2>/dev/null || continue
        : >"${rf_file%/*}/made-linger"
        return
    done
    loginctl disable-linger 2>/dev/null || :
}
# A node under whatever keeps it alive. Each kind of service has a fragment kind_*.sh with these functions of its
# own; where it has none, the node is one that runs on the host itself, or there is none:
#   KIND_active      prints what its supervisor calls its state, such as active
#   KIND_up          starts it and keeps it alive
#   KIND_down        ends it and keeps it from coming back at the next boot
#   KIND_gone        removes what it has outside of $NODE, once it is down
#   KIND_replaces    is there where KIND_up alone replaces a service of the same kind
#   KIND_reach       prepares what the functions need; KIND_need fails the script where that is not to be had
#   KIND_words       prints the arguments of its processes
#   KIND_log         prints what `ray start` has said; KIND_log_before: before its last restart, too
#   KIND_log_file    prints the name of that file, if it is one; KIND_tell_log: puts its last lines into the answer
#   KIND_tries       prints how often the supervisor has restarted it
#   KIND_place       prints the folder in which a driver may unpack files; nothing: wherever it runs
#   KIND_exec        runs a command in the node's environment
NODE=$ROOT/$CLUSTER
# $1: the kind of service, $2: which of its functions, then its arguments
node_do() {
    rf_do=$1_$2
    have "$rf_do" || rf_do=host_$2
    shift 2
    "$rf_do" "$@"
}
host_active() { echo inactive; }
host_down() { :; }
host_gone() { :; }
host_reach() { :; }
host_need() { :; }
host_words() {
    if [ -r /proc/self/environ ]; then
        for rf_pid in $(node_pids); do tr '\0' ' ' 2>/dev/null <"/proc/$rf_pid/cmdline"; done
    else
        ps -axo command= 2>/dev/null | grep -F "$NODE/envs/"
    fi
}
host_log() { cat "$NODE/start.log" 2>/dev/null; }
host_log_before() { sed '' "$NODE/start.log.1" "$NODE/start.log" 2>/dev/null; }
host_log_file() { [ ! -f "$NODE/start.log" ] || echo "$NODE/start.log"; }
host_tell_log() {
    for rf_file in "$NODE/start.log" "$NODE/start.log.1"; do
        [ -f "$rf_file" ] && [ -r "$rf_file" ] || continue
        tail -n "$LINES_EACH" "$rf_file" 2>/dev/null | emit_text "log:${rf_file##*/}"
        # the one before is of interest while this one is still empty
        [ ! -s "$rf_file" ] || return 0
    done
}
host_tries() {
    rf_tries=$(wc -l 2>/dev/null <"$NODE/starts") || rf_tries=1
    echo "$((rf_tries - 1))"
}
host_place() { printf '%s' "$NODE"; }
host_exec() {
    # in a shell of its own: the node's environment may set any variable
    (
        # shellcheck source=/dev/null
        . "$NODE/env.sh"
        exec "$@"
    )
}
node_service() {
    rf_service=none
    [ ! -r "$NODE/service" ] || read -r rf_service <"$NODE/service" || :
    printf '%s' "$rf_service"
}
node_facts() {
    rf_service=$(node_service)
    emit service "$rf_service"
    node_do "$rf_service" reach
    emit active "$(node_do "$rf_service" active)"
    for rf_file in "$NODE"/envs/*/.complete; do
        rf_dir=${rf_file%/.complete}
        if env_whole "$rf_dir"; then emit env "${rf_dir##*/}"; fi
    done
    [ ! -r "$NODE/env/requirements.lock" ] || emit_text requirements <"$NODE/env/requirements.lock"
}
# $1: the kind of service; ends it and keeps it from coming back at the next boot
node_down() {
    node_do "$1" down
    node_reap
}
# Processes of this node, known by the mark in their environment.
node_pids() {
    if [ ! -r /proc/self/environ ]; then
        # macOS shows a process's environment behind its arguments
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
# Ray's session folders are named by `ray start` and in the arguments of this node's own processes (session_latest may
# be another Ray's); they are removed when the cluster is.
note_sessions() {
    node_do "$1" reach
    { node_do "$1" log_before; node_do "$1" words; } | grep -oE '/[^ =]*/session_[0-9_-]+' | sort -u >>"$NODE/sessions"
}
# Where Ray's own folder lies on this host, as the last start has left it.
node_temp() { [ ! -r "$NODE/temp" ] || IFS= read -r TEMP_DIR <"$NODE/temp" || :; }
# rf_logs: the log files of the newest session. Its link names a folder as Ray sees it, in a container maybe another.
node_logs() {
    node_temp
    rf_logs=$(readlink "$TEMP_DIR/session_latest" 2>/dev/null) || rf_logs=session_latest
    rf_logs=$TEMP_DIR/${rf_logs##*/}/logs
}
# What conda has outside of the node's folder: names for `conda activate`, and a conda that was installed here.
# Both are needed: since then somebody may have put a conda of their own there.
conda_is_ours() { [ -e "$1/.rayfab" ] && [ -r "$ROOT/.conda" ] && grep -qxF -e "$1" "$ROOT/.conda"; }
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
# $1: a conda that was installed here, $2: whether another cluster is on this host. It is removed if that is asked for;
# never one that somebody has put in its place, or has made environments in.
conda_purge() {
    rf_why=
    if [ -h "$1" ] || ! conda_is_ours "$1"; then return 0; fi
    if [ -z "$PURGE" ]; then
        emit kept "conda stays in $1"
    elif [ -n "$2" ]; then
        emit kept "conda stays in $1 (another cluster is on this host)"
    elif conda_envs "$1"; then
        emit kept "conda stays in $1 (it holds environments:$rf_envs)"
    else
        step "removing conda"
        rm -rf "$1" || fail "cannot remove $1"
        conda_forget "$1"
        rf_changed=1
        return
    fi
    rf_condas=$rf_condas$1$NL
}
# The node starts: the name of its environment, if it has one of conda's.
conda_entered() { if [ -n "${ENV_NAME-}" ]; then conda_link "$ENV_NAME"; else conda_unlink; fi; }
# The node is being removed.
conda_left() {
    conda_unlink
    conda_forget "$NODE"
}
# What clusters share. $1: whether another cluster is on this host. rf_keep: what stays in $ROOT, since it still says
# which conda is ours
conda_shared() {
    rf_condas=
    if [ -r "$ROOT/.conda" ]; then
        while IFS= read -r rf_prefix; do [ -z "$rf_prefix" ] || conda_purge "$rf_prefix" "$1"; done <"$ROOT/.conda"
        if [ -n "$rf_condas" ]; then write_file "$ROOT/.conda" 600 "$rf_condas"; else rm -f "$ROOT/.conda"; fi
    fi
    [ -z "$1" ] || return 0
    [ ! -r "$ROOT/.made-conda" ] || for rf_dir in "$HOME/.conda/envs" "$HOME/.conda"; do
        ! grep -qxF -e "$rf_dir" "$ROOT/.made-conda" || rmdir "$rf_dir" 2>/dev/null || :
    done
    rf_keep=$rf_keep$ROOT/.conda$NL
}
main() {
# Everything of this cluster's leaves this host, and nothing else does.
# What clusters share is removed with the last of them, but for what a runtime wants to keep.
shared_down() {
    rf_left=
    for rf_file in "$ROOT"/*/service "$ROOT"/*/envs "$ROOT"/*/lock; do
        if [ -e "$rf_file" ] || [ -h "$rf_file" ]; then [ "$rf_file" = "$NODE/lock" ] || rf_left=1; fi
    done
    rf_keep=$NL
    for rf_name in $OUTSIDE; do "${rf_name}_shared" "$rf_left"; done
    [ -z "$rf_left" ] || return 0
    for rf_file in "$ROOT"/* "$ROOT"/.[!.]*; do
        [ "$rf_file" != "$NODE" ] || continue
        case $rf_keep in *"$NL$rf_file$NL"*) continue ;; esac
        [ ! -e "$rf_file" ] || rf_changed=1
        rm -rf "$rf_file"
    done
    rmdir "$ROOT" 2>/dev/null || :
}
rf_service=$(node_service)
rf_any=
for rf_file in "$NODE"/*; do
    # the lock is this run's own
    if [ -e "$rf_file" ] && [ "$rf_file" != "$NODE/lock" ]; then rf_any=1; fi
done
[ -n "$rf_any" ] || {
    rf_changed=0
    shared_down
    emit changed "$rf_changed"
    finish 0
}
if [ "$rf_service" != none ]; then
    step "stopping Ray"
    note_sessions "$rf_service"
    node_down "$rf_service"
fi
step "removing files"
node_temp
[ ! -e "/etc/tmpfiles.d/$UNIT.conf" ] || as_root rm -f "/etc/tmpfiles.d/$UNIT.conf"
node_do "$rf_service" gone
[ ! -r "$NODE/sessions" ] || while IFS= read -r rf_dir; do
    # a container on a bridge calls its folder otherwise than the host does
    case $rf_dir in "$TEMP_DIR"/session_*/* | /tmp/ray/session_*/* | /var/tmp/ray/session_*/* | *..*) continue ;; esac
    case $rf_dir in "$TEMP_DIR"/session_* | /tmp/ray/session_* | /var/tmp/ray/session_*) ;; *) continue ;; esac
    for rf_dir in "$rf_dir" "$TEMP_DIR/${rf_dir##*/}"; do
        if [ ! -d "$rf_dir" ] || [ -h "$rf_dir" ]; then continue; fi
        rm -rf "$rf_dir" 2>/dev/null || as_root rm -rf "$rf_dir" 2>/dev/null || emit left "$rf_dir"
    done
done <"$NODE/sessions"
node_logs
if [ -h "$TEMP_DIR/session_latest" ] && [ ! -d "${rf_logs%/logs}" ]; then
    # the one that begins with tmp_ stays where Ray ends while it writes it, and it asks the GCS in the middle of that
    for rf_file in session_latest ray_current_cluster prom_metrics_service_discovery.json tmp_prom_metrics_service_discovery.json; do
        rm -f "$TEMP_DIR/$rf_file" 2>/dev/null || as_root rm -f "$TEMP_DIR/$rf_file"
    done
fi
rmdir "$TEMP_DIR" 2>/dev/null || as_root rmdir "$TEMP_DIR" 2>/dev/null || :
[ ! -e "$NODE/made-tmp" ] || rmdir "${TEMP_DIR%/*}" 2>/dev/null || :
for rf_name in $OUTSIDE; do "${rf_name}_left"; done
rm -rf "$NODE" || fail "cannot remove $NODE"
rf_changed=1
shared_down
emit changed 1
finish 0
}
main </dev/null
