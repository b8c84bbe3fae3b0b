"""A real sshd on a high port of 127.0.0.1, with its own keys and configuration. Linux, root."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


def require() -> str:
    """The path of sshd; installs the package where it is missing, skips where that cannot be."""
    if os.geteuid() != 0 or not Path("/proc/self").exists():
        pytest.skip("a real sshd needs Linux and root")
    path = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ.get("PATH", ""))
    if path is None:
        if shutil.which("apt-get") is None:
            pytest.skip("sshd is not installed")
        install("openssh-server", "openssh-client")
        path = "/usr/sbin/sshd"
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it drops its privileges
    return path


def install(*packages: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(
        ["apt-get", "install", "-qqy", *packages], check=True, stdout=subprocess.DEVNULL, env=environment
    )


def keygen(path: Path, kind: str = "ed25519", passphrase: str = "", *more: str) -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", path.name, "-f", str(path), *more],
        check=True,
    )
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


class Sshd:
    """`host_key` is the private key file; `log()` is what it logged so far; `authorize` lets a key in."""

    def __init__(
        self,
        directory: Path,
        *options: str,
        host_key: Path | None = None,
        listen: str = "127.0.0.1",
        program: str | None = None,
    ):
        """:param program: a link to sshd: PAM's service has its name."""
        self.program = program or require()
        self.directory = directory
        self.address = listen
        self.port = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)
        self.host_key = host_key or keygen(directory / "host_ed25519")
        # Read as the user who logs in, who may not look into the directory of the tests.
        self._public = tempfile.TemporaryDirectory(prefix="sshd-")
        Path(self._public.name).chmod(0o755)
        self.authorized = Path(self._public.name) / "authorized_keys"
        self.authorized.touch()
        self._log = directory / "log"
        self._config = directory / "sshd_config"
        self._config.write_text(
            "\n".join(
                [
                    *options,  # sshd takes the first value that it meets
                    f"ListenAddress {listen}:{self.port}",
                    f"HostKey {self.host_key}",
                    f"AuthorizedKeysFile {self.authorized}",
                    "PidFile none",
                    "StrictModes no",
                    "PermitRootLogin yes",
                    "LogLevel VERBOSE",
                    "UseDNS no",
                    "MaxStartups 500",
                    "UsePAM no",
                    "Subsystem sftp internal-sftp",
                ]
            )
            + "\n"
        )
        self._process: subprocess.Popen | None = None

    def start(self) -> Sshd:
        self._process = subprocess.Popen(
            [self.program, "-D", "-f", str(self._config), "-E", str(self._log)], start_new_session=True
        )
        for _ in range(100):
            with (
                contextlib.suppress(OSError),
                socket.create_connection((self.address.strip("[]"), self.port), 1),
            ):
                return self
            if self._process.poll() is not None:
                raise RuntimeError(f"sshd did not start: {self.log()}")
            time.sleep(0.05)
        raise RuntimeError("sshd does not listen")

    def stop(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)
            self._process.wait(10)

    def authorize(self, key: Path) -> Path:
        with self.authorized.open("a") as file:
            file.write(Path(f"{key}.pub").read_text())
        return key

    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""


@contextlib.contextmanager
def running(directory: Path, *options: str, **more) -> Iterator[Sshd]:
    server = Sshd(directory, *options, **more)
    try:
        yield server.start()
    finally:
        server.stop()
        server._public.cleanup()


@contextlib.contextmanager
def temporary_user(name: str, password: str, shell: str = "/bin/sh") -> Iterator[Path]:
    """A Unix user with a home directory, which is yielded; both are gone afterwards."""
    subprocess.run(["userdel", "-rf", name], check=False, capture_output=True)
    subprocess.run(["useradd", "-m", "-s", shell, name], check=True, capture_output=True)
    try:
        subprocess.run(["chpasswd"], input=f"{name}:{password}\n", text=True, check=True)
        yield Path("~" + name).expanduser()
    finally:
        subprocess.run(["userdel", "-rf", name], check=False, capture_output=True)
