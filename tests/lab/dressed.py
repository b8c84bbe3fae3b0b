"""A Linux host dressed as a Mac with Docker Desktop, for what an SSH session sees of it. It is no Mac.

Its sshd lives in a mount namespace without /proc, /run and the Linux tools. The user's shell is zsh, `sh` is
bash in POSIX mode, and PATH holds what macOS has, with the stand-ins of tests/script/mac.py in front. The docker
command lies where Docker Desktop keeps it, knows its engine by a context, and asks a keychain that is closed.

Behind it are GNU's programs, a real Docker command of today's, and a real engine with a real bridge: neither BSD's
programs, nor the file system and the network of Docker Desktop's virtual machine are shown by this.
"""

from __future__ import annotations

import json

from tasks.testbed.host import LabHost
from tests.script import mac

USER = "alice"
HOME = f"/Users/{USER}"
BIN = "/opt/mac/bin"
APP = "/Applications/Docker.app/Contents/Resources/bin"
CLOSED = """#!/bin/sh
# a stand-in for docker-credential-desktop in a session that may not ask for the keychain's password
echo 'keychain cannot be accessed because the current session does not allow user interaction.'
exit 1
"""
PREPARE = f"""
set -e
mkdir -p /Users
usermod -p '*' -d {HOME} -m -aG docker {USER}
echo 'export PATH={BIN}' >{HOME}/.zshenv
mkdir -p {BIN} {APP} /opt/mac/sbin {HOME}/.docker/run
for name in {" ".join(mac.BASE.split())}; do [ -e {BIN}/$name ] || ln -s "$(command -v $name)" {BIN}/$name; done
cp /usr/sbin/sshd /opt/mac/sbin/sshd
cp /usr/bin/docker {APP}/docker
: >{HOME}/.docker/run/docker.sock
chown -R {USER} {HOME}
su -s /bin/sh {USER} -c '{APP}/docker context create desktop-linux --docker host=unix://{HOME}/.docker/run/docker.sock'
rm -f /etc/os-release /etc/machine-id
"""
DRESS = f"""
set -e
mount --make-rprivate /
mount --bind /run/docker.sock {HOME}/.docker/run/docker.sock
mount --bind /bin/bash "$(readlink -f /bin/sh)"
mount -t tmpfs none /run
mkdir -m 755 /run/sshd
mount -t tmpfs none /usr/sbin
mount -t tmpfs none /proc
exec /opt/mac/sbin/sshd -D -o UsePAM=no -o PidFile=none
"""


def dress(host: LabHost) -> None:
    """From now on whoever logs in there finds a Mac; the lab's back door still leads to the Linux host."""
    host.add_user(USER, shell="/usr/bin/zsh")
    for name, text in mac.MAC.items():
        text = text.replace("10.0.0.77", host.address).replace("arm64", "x86_64")
        host.write_file(f"{BIN}/{name}", f"#!/bin/sh\n# a stand-in for {name}\n{text}", 0o755)
    host.write_file(f"{APP}/docker-credential-desktop", CLOSED, 0o755)
    host.must(PREPARE)
    config = {"auths": {}, "credsStore": "desktop", "currentContext": "desktop-linux"}
    host.write_file(f"{HOME}/.docker/config.json", json.dumps(config))
    host.write_file("/opt/mac/dress.sh", DRESS)
    host.must("systemctl disable --now -q ssh.socket ssh 2>/dev/null; systemctl stop ssh")
    host.must(["systemd-run", "--quiet", "--unit=mac-sshd", "unshare", "--mount", "sh", "/opt/mac/dress.sh"])
    host.wait_ssh()
