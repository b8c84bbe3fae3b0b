"""A real Docker registry on a lab host, used by the other hosts' engines as a mirror."""

from __future__ import annotations

import json

from tasks.testbed.engine import LabError, command
from tasks.testbed.host import LabHost
from tasks.testbed.ray_image import NAME
from tasks.text.quoting import posix

PORT = 5000
ARCHIVE = "/var/tmp/image.tar"
FOLDER = "/etc/docker/registry"
CONFIG = f"""version: 0.1
storage:
  filesystem:
    rootdirectory: /var/lib/docker-registry
http:
  addr: :{PORT}
"""
TLS = f"""  tls:
    certificate: {FOLDER}/cert.pem
    key: {FOLDER}/key.pem
"""
LOGIN = f"""auth:
  htpasswd:
    realm: lab
    path: {FOLDER}/htpasswd
"""


class Registry:
    """Plain HTTP on port 5000; a Docker Hub mirror for the engines that are configured to use it."""

    def __init__(self, host: LabHost):
        self.host = host
        self.url = f"http://{host.address}:{PORT}"

    def configure(self, htpasswd: str = "", tls: bool = False) -> None:
        """Configure and restart the registry, by default without a password; Debian's own configuration requires one.

        htpasswd: lines of `user:bcrypt`; tls: with a self-signed certificate, see :meth:`certificate`.
        """
        if htpasswd:
            self.host.write_file(f"{FOLDER}/htpasswd", htpasswd)
        if tls:
            self.host.must(
                f"openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=lab -keyout {FOLDER}/key.pem"
                f" -addext subjectAltName=IP:{self.host.address} -out {FOLDER}/cert.pem && chmod 644 {FOLDER}/key.pem"
            )
        text = CONFIG + (TLS if tls else "") + (LOGIN if htpasswd else "")
        self.host.write_file(f"{FOLDER}/config.yml", text)
        self.host.must("systemctl restart docker-registry")
        self.url = f"http{'s' if tls else ''}://{self.host.address}:{PORT}"

    def certificate(self) -> str:
        """The certificate that hosts must trust, in PEM."""
        return self.host.must(["cat", f"{FOLDER}/cert.pem"])

    def push(self, tag: str, *names: str) -> None:
        """Serve an image of the outer engine as `names`; by default under its own name and as `latest` of ray-ml."""
        stream(tag, self.host, f"cat > {ARCHIVE}")
        for name in names or (tag, f"{NAME}:latest"):
            source, target = f"docker-archive:{ARCHIVE}", f"docker://localhost:{PORT}/{name}"
            copy = ["skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", source, target]
            self.host.must(copy, timeout=900)
        self.host.must(["rm", ARCHIVE])

    def daemon_json(self) -> str:
        """Text of /etc/docker/daemon.json for a host that pulls from here."""
        where = self.url.removeprefix("http://")
        return json.dumps({"registry-mirrors": [self.url], "insecure-registries": [where]}, indent=2) + "\n"

    def serve(self, host: LabHost) -> None:
        """Configure the engine of a running host to pull from here."""
        host.write_file("/etc/docker/daemon.json", self.daemon_json())
        host.must("systemctl try-restart docker")


def load(tag: str, host: LabHost) -> None:
    """Load an image of the outer engine directly into a host's engine, without a registry."""
    stream(tag, host, "docker load")


def stream(tag: str, host: LabHost, sink: str) -> None:
    """Pipe `docker save tag` into a command on the host. Raises LabError with its last line."""
    pipe = f"docker save {posix(tag)} | docker exec -i {host.name} sh -c {posix(sink)}"
    done = command(["bash", "-o", "pipefail", "-c", pipe])
    if done.returncode != 0:
        raise LabError(f"{host.name}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
