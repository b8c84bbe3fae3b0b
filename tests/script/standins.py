"""Stand-ins for programs that a test must not really run: docker, sudo, systemctl and their like."""

from __future__ import annotations

from pathlib import Path

from tests.script.shells import SYSTEM_PATH, ask, stand_in

ID = 'case "$*" in -u) echo 1000 ;; -un) echo alice ;; *) echo "uid=1000(alice) gid=1000(alice)" ;; esac'

# sudo as it is called here: -k -n CMD | -k -S -p PROMPT CMD, with the password on standard input if it wants one
SUDO = """
printf '%s\\n' "$*" >>"$HOME/sudo.log"
if [ "$1 $2" = "-k -n" ]; then
    [ -e "$HOME/nopasswd" ] || { echo "sudo: a password is required" >&2; exit 1; }
    shift 2
else
    if [ ! -e "$HOME/nopasswd" ]; then
        printf '%s' "$4" | sed s/%p/alice/ >&2
        IFS= read -r word
        [ "$word" = "$(cat "$HOME/password")" ] || { echo "Sorry, try again." >&2; exit 1; }
    fi
    shift 4
fi
AS_ROOT=1 exec "$@"
"""

DOCKER = """
printf '%s\\n' "$*" >>"$HOME/docker.log"
is() { [ -e "$HOME/docker.$1" ]; }
if [ "$1" = --version ]; then
    if is podman; then echo "podman version 5.0.0"; else echo "Docker version 28.0.1, build 0000000"; fi
    exit
fi
if [ "$1" = context ]; then if is alone; then echo default; else echo desktop-linux; fi; exit; fi
if is denied && [ -z "${AS_ROOT-}" ]; then
    echo "permission denied while trying to connect to the Docker daemon socket" >&2
    exit 1
fi
if is stopped; then echo "Cannot connect to the Docker daemon. Is the docker daemon running?" >&2; exit 1; fi
case "$1 ${2-}" in
    "version "*) echo 28.0.1 ;;
    "info "*)
        case $3 in
            *CDI*) echo '["/etc/cdi"]' ;;
            *) cat "$HOME/docker.info" 2>/dev/null || printf 'cpus 4\nmemory 8321515520\n' ;;
        esac
        ;;
    "image inspect")
        is image || { echo; exit 1; }
        case $4 in *Os*) echo "sha256:abc linux/amd64" ;; *) echo sha256:abc ;; esac
        ;;
    "pull "*)
        if [ -s "$HOME/docker.pull" ]; then cat "$HOME/docker.pull"; exit 1; fi
        echo "1a2b: Pull complete"; : >"$HOME/docker.image"
        ;;
    "run --rm")
        if is broken; then echo "ModuleNotFoundError: ray" >&2; exit 1; fi
        case " $* " in *" -i "*) cat >"$HOME/docker.stdin" ;; esac
        echo "RF 2.52.0 3.11.2 1000:1000"
        ;;
    "run "*)
        cat "$3" >"$HOME/docker.env"
        printf '%s\\0' "$@" >"$HOME/docker.argv"
        if is norun; then
            said=$(cat "$HOME/docker.norun")
            echo "docker: Error response from daemon: ${said:-no such runtime}" >&2
            printf "\nRun 'docker run --help' for more information\n" >&2
            exit 125
        fi
        : >"$HOME/docker.up"
        ;;
    "logs "*)
        ! is gone || { echo "Error response from daemon: No such container: $2" >&2; exit 1; }
        if is fails; then echo "a traceback"; else echo "Ray runtime started."; fi
        ;;
    "inspect "*)
        ! is gone || exit 1
        case ${3-} in
            *RestartCount*) if is fails; then echo 2; else echo 0; fi ;;
            *) if is up; then echo running; else echo exited; fi ;;
        esac
        ;;
    "ps -a") if is container; then echo "0123456789abcdef rayproject/ray:2.52.0"; fi ;;
    "ps "*) if is up; then echo 0123456789ab; fi ;;
    "stop "*) rm -f "$HOME/docker.up" ;;
    "rm "*) rm -f "$HOME/docker.up" "$HOME/docker.container" ;;
    "exec "*)
        case $* in
            */cmdline*) is up && printf 'raylet\\0--session_dir=/tmp/ray/session_2026-01-02_03\\0' ;;
            *) printf '%s\\0' "$@" >"$HOME/docker.argv"; cat >"$HOME/docker.fed" ;;
        esac
        ;;
esac
"""

# An engine that the plain user may not use, whose container is this machine
INSIDE = """
if [ -e "$HOME/docker.denied" ] && [ -z "${AS_ROOT-}" ]; then echo "permission denied" >&2; exit 1; fi
[ "$1" = exec ] || { echo "28.0.1 linux"; exit 0; }
while [ "$1" != rayfab-lab ]; do shift; done
shift
exec "$@"
"""

SYSTEMCTL = """
printf '%s\\n' "$*" >>"$HOME/systemctl.log"
case "$*" in
    *restart*)
        [ ! -e "$HOME/systemctl.fails" ] || exit 1
        set -- "$HOME"/.rayfab/lab/hosts/*/start.sh
        [ -e "$1" ] || set -- "$HOME/.rayfab/lab/start.sh"
        setsid sh "$1" </dev/null >/dev/null 2>&1 &
        echo $! >"$HOME/unit.pid"
        ;;
    *is-active*) if [ -e "$HOME/unit.pid" ]; then echo active; else echo inactive; exit 3; fi ;;
    *disable*--now*) [ ! -e "$HOME/unit.pid" ] || kill "$(cat "$HOME/unit.pid")"; rm -f "$HOME/unit.pid" ;;
esac
"""


class Host:
    """A home, and a folder of stand-ins that comes first on PATH. A flag is a file ``docker.<flag>``."""

    def __init__(self, shell: str, folder: Path) -> None:
        self.shell, self.home, self.bin = shell, folder / "home", folder / "bin"
        self.home.mkdir()
        self.node = self.home / ".rayfab/lab"

    def has(self, name: str, text: str) -> None:
        stand_in(self.bin, name, text)

    def flag(self, *flags: str, text: str = "") -> None:
        for name in flags:
            (self.home / f"docker.{name}").write_text(text)

    def ask(self, script, **more):
        return ask(script, self.shell, self.home, path=f"{self.bin}:{SYSTEM_PATH}", **more)

    def log(self, name: str) -> list[str]:
        file = self.home / f"{name}.log"
        return file.read_text().splitlines() if file.exists() else []
