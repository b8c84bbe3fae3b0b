# rayfab: serve the packages to the others
# shellcheck disable=SC2034
set -u
CLUSTER=lab
UNIT=rayfab-lab
ENV_ID=ray-2.7.2
ADDRESS=10.0.0.1
PORTS='19999 19998 0'
IDLE=600
SERVE='"""Runs on a host: serves a folder'"'"'s files over HTTP below a secret path, until nobody has asked for a while.

Arguments: the folder (its file .token holds the secret), the address to listen on, seconds without a request after
which it ends, ports to try in order (0: any).
"""

import hmac
import os
import re
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import TCPServer, ThreadingMixIn

PART = 1 << 20
last = time.monotonic()


class Handler(BaseHTTPRequestHandler):
    timeout = 60
    token = folder = ""

    def do_GET(self):
        global last
        # nothing that begins with a dot, and nothing half
        found = re.fullmatch(r"/([0-9a-f]+)/([A-Za-z0-9_][A-Za-z0-9._+!-]*)(?<!\.part)", self.path)
        path = os.path.join(self.folder, found.group(2)) if found else ""
        if not found or not hmac.compare_digest(found.group(1), self.token) or not os.path.isfile(path):
            self.send_error(404)
            return
        last = time.monotonic()
        try:
            with open(path, "rb") as piece:
                size = os.path.getsize(path)
                asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
                start = int(asked.group(1)) if asked else 0
                if start > size or (asked and start == size):
                    self.send_error(416)
                    return
                piece.seek(start)
                self.send_response(206 if asked else 200)
                if asked:
                    self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
                self.send_header("Content-Length", str(size - start))
                self.end_headers()
                for part in iter(lambda: piece.read(PART), b""):
                    self.wfile.write(part)
                    last = time.monotonic()
        except OSError:
            self.close_connection = True

    def log_message(self, *args):
        pass


class Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    request_queue_size = 64
    allow_reuse_address = True

    def server_bind(self):
        # HTTPServer'"'"'s own would look its name up, which can take long
        TCPServer.server_bind(self)


def listen(address, ports):
    if ":" in address:
        Server.address_family = socket.AF_INET6
    for port in ports:
        try:
            return Server((address, port), Handler)
        except OSError as error:
            reason = error
    raise SystemExit(f"cannot listen on {address}: {reason}")


def main():
    Handler.folder, address, idle = sys.argv[1], sys.argv[2], float(sys.argv[3])
    ports = [int(port) for port in sys.argv[4:]]
    with open(os.path.join(Handler.folder, ".token")) as file:
        Handler.token = file.read()
    server = listen(address, ports)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("port", server.server_address[1], flush=True)
    while time.monotonic() - last < idle:
        time.sleep(1)


main()
'
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
# The server of a store; its number may have passed on to a stranger since.
store_server() {
    [ -r "$NODE/serve.pid" ] && read -r rf_pid <"$NODE/serve.pid" || return 1
    case $rf_pid in '' | *[!0-9]*) return 1 ;; esac
    if [ -r "/proc/$rf_pid/cmdline" ]; then
        tr '\0' '\n' <"/proc/$rf_pid/cmdline" | grep -qxF -e "$STORE" || return 1
    else
        ps -o command= -p "$rf_pid" 2>/dev/null | grep -qF -e "$STORE" || return 1
    fi
    printf '%s' "$rf_pid"
}
store_quiet() {
    if rf_pid=$(store_server); then kill -TERM "$rf_pid" 2>/dev/null || :; fi
    rm -f "$NODE/serve.pid" "$NODE/serve.log" "$STORE/.token"
}
main() {
# Serves this host's store to the others by the environment's own Python, which ends by itself when nobody asks.
store_quiet
rf_python=$NODE/envs/$ENV_ID/bin/python
[ -x "$rf_python" ] || fail "there is no environment $ENV_ID to serve with"
write_file "$STORE/.token" 600 "$RF_SEED"
nohup "$rf_python" -c "$SERVE" "$STORE" "$ADDRESS" "$IDLE" $PORTS </dev/null >"$NODE/serve.log" 2>&1 &
rf_serving=$!
write_file "$NODE/serve.pid" 600 "$rf_serving$NL"
rf_n=0
until rf_port=$(sed -n 's/^port //p' "$NODE/serve.log") && [ -n "$rf_port" ]; do
    rf_n=$((rf_n + 1))
    # by its number alone: until the program has begun, its words are this shell's
    if [ "$rf_n" -gt 150 ] || ! kill -0 "$rf_serving" 2>/dev/null; then
        rf_said=$(tail -n 1 "$NODE/serve.log")
        store_quiet
        fail "cannot serve the packages: ${rf_said:-its server ended}"
    fi
    nap
done
rm -f "$STORE/.token"
emit port "$rf_port"
finish 0
}
main </dev/null
