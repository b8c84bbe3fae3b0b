# rayfab: reach the head at 10.0.0.1
# shellcheck disable=SC2034
set -u
CLUSTER=lab
UNIT=rayfab-lab
ADDRESS=10.0.0.1
PORTS='6379 20000'
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
main() {
# Can this host reach the head's ports? A refusal is an answer: nothing listens there yet, but the way is open.
rf_python() {
    python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
s.settimeout(4)
try:
    s.connect((sys.argv[1], int(sys.argv[2])))
    print("open")
except ConnectionRefusedError:
    print("refused")
except socket.timeout:
    print("timeout")
except OSError as e:
    print(e.strerror or e)' "$1" "$2" 2>/dev/null
}
rf_try() {
    # macOS has a python3 that only says how to get one
    if have python3 && rf_python "$1" "$2"; then return; fi
    if have bash && have timeout; then
        rf_said=$(timeout 4 bash -c ': </dev/tcp/"$0"/"$1"' "$1" "$2" 2>&1)
        case $?:$rf_said in
            0:*) echo open ;;
            124:* | 143:*) echo timeout ;;
            *refused*) echo refused ;;
            *"No route"* | *nreachable* | *"timed out"*) echo "${rf_said##*: }" ;;
            *) echo unknown ;;
        esac
    elif have curl; then
        # the port speaks no HTTP: only what is said of the connection counts
        rf_said=$(curl -s -v -o /dev/null --noproxy '*' --connect-timeout 4 --max-time 5 "$(rf_url "$1" "$2")" 2>&1)
        case $rf_said in
            *"Connected to "* | *"Established connection"*) echo open ;;
            *refused*) echo refused ;;
            *"No route"* | *nreachable*) echo unreachable ;;
            *"timed out"* | *imeout*) echo timeout ;;
            *) echo unknown ;;
        esac
    else
        echo unknown
    fi
}
rf_url() {
    case $1 in *:*) echo "http://[$1]:$2/" ;; *) echo "http://$1:$2/" ;; esac
}
for rf_port in $PORTS; do
    rf_said=$(rf_try "$ADDRESS" "$rf_port")
    emit reach "$rf_port $rf_said"
    # one silent port stands for all: each would cost its whole time-out
    case $rf_said in timeout) break ;; esac
done
finish 0
}
main </dev/null
