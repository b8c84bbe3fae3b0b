"""A stand-in Mac: what macOS prints, from small scripts in front of a real shell; no Mac is asked.

Shown with it: what the scripts make of a Mac's answers, and that they need nothing that a Mac has not. Not shown:
that BSD's own sed, grep or ps take every option; the programs behind are this machine's.
"""

from __future__ import annotations

import re
from pathlib import Path

from tasks.script.script import Script
from tests.script.shells import ask, stand_in, tool
from tests.script.standins import DOCKER, Host

# of what the scripts call, what lies in macOS's /usr/bin, /bin, /usr/sbin and /sbin: no nproc, no ip, no setsid
BASE = """
awk basename bash cat chmod cp cut date dirname env expr find grep head id kill ln ls mkdir mv nohup printf
readlink rm rmdir sed sh sleep sort tail tar tee touch tr true uname wc gzip getconf
"""

UNAME = """
case "$*" in
    -srm) echo "Darwin 23.6.0 arm64" ;;
    -n) echo mac-mini.lab ;;
    *) echo Darwin ;;
esac
"""
ID = 'case "$*" in -u) echo 501 ;; -un) echo alice ;; *) echo "uid=501(alice) gid=20(staff)" ;; esac'
SYSCTL = """
case "$*" in
    "-n hw.memsize") echo 17179869184 ;;
    "-n kern.bootsessionuuid") echo 4F1B2C3D-0000-4000-8000-123456789ABC ;;
    *) echo "sysctl: unknown oid '$2'" >&2; exit 1 ;;
esac
"""
SW_VERS = """
case "$*" in
    -productVersion) echo 14.6.1 ;;
    *) printf 'ProductName:\\t\\tmacOS\\nProductVersion:\\t\\t14.6.1\\nBuildVersion:\\t\\t23G93\\n' ;;
esac
"""
IFCONFIG = """
[ "$*" = -a ] || exit 1
cat <<'END'
lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384
\toptions=1203<RXCSUM,TXCSUM,TXSTATUS,SW_TIMESTAMP>
\tinet 127.0.0.1 netmask 0xff000000
\tinet6 ::1 prefixlen 128
\tinet6 fe80::1%lo0 prefixlen 64 scopeid 0x1
\tnd6 options=201<PERFORMNUD,DAD>
en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\toptions=6460<TSO4,TSO6,CHANNEL_IO,PARTIAL_CSUM,ZEROINVERT_CSUM>
\tether 3c:22:fb:00:00:01
\tinet6 fe80::1c6c:2ff:fe00:1%en0 prefixlen 64 secured scopeid 0xb
\tinet 10.0.0.77 netmask 0xffffff00 broadcast 10.0.0.255
\tnd6 options=201<PERFORMNUD,DAD>
\tmedia: autoselect
\tstatus: active
utun4: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1280
\tinet 100.64.0.9 --> 100.64.0.9 netmask 0xffffffff
bridge100: flags=8a63<UP,BROADCAST,SMART,RUNNING,ALLMULTI,SIMPLEX,MULTICAST> mtu 1500
\tinet 192.168.64.1 netmask 0xffffff00 broadcast 192.168.64.255
END
"""
ROUTE = """
[ "$*" = "-n get default" ] || exit 1
printf '   route to: default\\ndestination: default\\n       mask: default\\n    gateway: 10.0.0.1\\n'
printf '  interface: en0\\n      flags: <UP,GATEWAY,DONE,STATIC,PRCLONING,GLOBAL>\\n'
"""
NETSTAT = """
[ "$*" = "-an -p tcp" ] || exit 1
cat <<'END'
Active Internet connections (including servers)
Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)
tcp4       0      0  10.0.0.77.22           10.0.0.5.50123         ESTABLISHED
tcp4       0      0  10.0.0.77.49200        10.0.0.5.443           ESTABLISHED
tcp46      0      0  *.8265                 *.*                    LISTEN
tcp4       0      0  127.0.0.1.631          *.*                    LISTEN
tcp6       0      0  ::1.631                *.*                    LISTEN
tcp4       0      0  *.22                   *.*                    LISTEN
END
"""
# -P: blocks as asked for, no columns of inodes; a path that is not there costs the status, not the rest
DF = """
[ "$1" = -Pk ] || exit 64
shift
echo 'Filesystem     1024-blocks      Used Available Capacity  Mounted on'
status=0
for path; do
    case $path in
        /dev/shm) echo "df: $path: No such file or directory" >&2; status=1 ;;
        *) echo '/dev/disk3s5     482797652 201000000 262144000    44%    /System/Volumes/Data' ;;
    esac
done
exit $status
"""
PS = """
case "$*" in
    "-axo pid=,comm=") cat "$HOME/ps.comm" 2>/dev/null; echo '    1 /sbin/launchd' ;;
    "-o lstart= -p "*) kill -0 "$4" 2>/dev/null && echo 'Mon Nov 23 03:00:00 2026    ' ;;
    "-o command= -p "*) kill -0 "$4" 2>/dev/null && echo "sh $HOME/.rayfab/lab/loop.sh" ;;
    "-axo command=") cat "$HOME/ps.words" 2>/dev/null || : ;;
    "-axwwE -o pid=,command=") cat "$HOME/ps.environ" 2>/dev/null || : ;;
    *) echo "ps: illegal option" >&2; exit 1 ;;
esac
"""
MAC = {
    "uname": UNAME,
    "sysctl": SYSCTL,
    "sw_vers": SW_VERS,
    "ifconfig": IFCONFIG,
    "route": ROUTE,
    "netstat": NETSTAT,
    "df": DF,
    "ps": PS,
}
DESKTOP = "Applications/Docker.app/Contents/Resources/bin"


class Mac(Host):
    """A Mac with Docker Desktop for its user alone, whose command no PATH names."""

    def __init__(self, shell: str, folder: Path) -> None:
        super().__init__(shell, folder)
        self.bin.mkdir()
        for name in BASE.split():
            (self.bin / name).symlink_to(tool(name))
        for name, text in MAC.items():
            self.has(name, text)
        self.has("id", ID)
        stand_in(self.home / DESKTOP, "docker", DOCKER)

    def ask(self, script: Script | str, **more):
        text = script if isinstance(script, str) else script.text
        return ask(taken_out(text), self.shell, self.home, path=str(self.bin), **more)


def taken_out(text: str) -> str:
    """The script without what only Linux has, and without the folders that it adds to PATH; its values are left."""
    values, start, fragments = text.partition("LC_ALL=C\n")
    more = ":/usr/local/bin:/usr/local/sbin:/usr/sbin:/sbin"
    assert fragments.count(more) == 1
    gone = re.sub(
        r"(?<![\w$}])/(proc|run|etc|Applications|var/run)(?=[/ \n\"*;)])",
        r"/not-on-a-mac/\1",
        fragments.replace(more, ""),
    )
    return values + start + gone
