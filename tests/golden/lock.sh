# rayfab: take the lock
# shellcheck disable=SC2034
set -u
CLUSTER=lab
UNIT=rayfab-lab
HOLDER='alice@laptop (process 42) since 2026-01-02 03:04:05 UTC: deploy-cluster'
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
emit_text() { sed "s/^/$RF_MARK text $1 /"; }
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
# One symbolic link is made whole or not at all, and holds who, from where, since when and what in its target.
# A holder lives as long as its connection to this host: the parent of this shell, told by its start time too.
rf_alive() {
    if [ -r /proc/self/stat ]; then
        rf_stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
        # the 22nd field, counted after the name, which may hold blanks
        # shellcheck disable=SC2086
        set -- "$2" ${rf_stat##*) }
        [ "${21}" = "$1" ]
    else
        kill -0 "$1" 2>/dev/null && [ "$(ps -o lstart= -p "$1" | tr -s ' ' '_')" = "$2" ]
    fi
}
rf_birth() {
    if [ -r /proc/self/stat ]; then
        rf_stat=$(cat "/proc/$1/stat")
        # shellcheck disable=SC2086
        set -- ${rf_stat##*) }
        echo "${20}"
    else
        ps -o lstart= -p "$1" | tr -s ' ' '_'
    fi
}
rf_boot() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.bootsessionuuid 2>/dev/null || echo 0; }
(umask 077 && mkdir -p "$ROOT/$CLUSTER") || fail "cannot make $ROOT/$CLUSTER" "make the home folder writable"
rf_lock=$ROOT/$CLUSTER/lock
rf_mine="$PPID $(rf_birth "$PPID") $(rf_boot) $HOLDER"
rf_n=0
while ! ln -s "$rf_mine" "$rf_lock" 2>/dev/null; do
    rf_n=$((rf_n + 1))
    rf_held=$(readlink "$rf_lock") || rf_held=
    if [ -z "$rf_held" ]; then
        [ "$rf_n" -le 3 ] || fail "cannot make the lock $rf_lock" "look at: ls -l $rf_lock"
        continue
    fi
    rf_pid=${rf_held%% *}
    rf_rest=${rf_held#* }
    rf_born=${rf_rest%% *}
    rf_rest=${rf_rest#* }
    if [ "$rf_n" -le 3 ] && { [ "${rf_rest%% *}" != "$(rf_boot)" ] || ! rf_alive "$rf_pid" "$rf_born"; }; then
        emit stale "${rf_rest#* }"
        # Renamed before it is removed: of two that find it dead, one gets it.
        mv "$rf_lock" "$rf_lock.dead.$$" 2>/dev/null && rm -f "$rf_lock.dead.$$"
        continue
    fi
    emit held "${rf_rest#* }"
    finish 0
done
emit locked 1
finish 0
}
main </dev/null
