"""This program's own files, and the user's, that go along in a bundle. Never a secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tasks import runtimes
from tasks.environment.home import TOP, in_checkout
from tasks.inventory import Cluster, Host
from tasks.runtimes.packages.items import PASSWORD_IN_URL

# what an operator needs; tests, benchmarks and the history stay here
FILES = ("fab", "fabfile.py", "hosts.schema.json", "README.md", "README.zh-CN.md", "LICENSE", "mkdocs.yml")
REQUIREMENTS = "requirements.txt"
DEVELOPERS = ("requirements-dev", "requirements-docs")
FOLDERS = ("tasks", "examples", "docs")
# unpacking a later bundle replaces it; what is changed there goes into a file of its own
HOSTS_FILE = "hosts.yml"
SECRET_WORDS = {"CREDENTIALS", "KEY", "PASSPHRASE", "PASSWD", "PASSWORD", "SECRET", "TOKEN"}


def own_files(top: Path = TOP) -> dict[str, Path]:
    """This program's files by their names in a checkout; none if it is not one."""
    if not in_checkout():
        return {}
    found = {name: top / name for name in FILES if (top / name).is_file()}
    found |= {path.name: path for path in requirements(top)}
    for folder in FOLDERS:
        for path in sorted((top / folder).rglob("*")):
            inside = path.relative_to(top)
            if (
                path.is_file()
                and not any(p.startswith((".", "__pycache__")) for p in inside.parts)
                and path.suffix != ".pyc"
            ):
                found[inside.as_posix()] = path
    return found


def requirements(top: Path = TOP, *, with_added: bool = True) -> list[Path]:
    """The requirements files that `./fab` installs on first use, and those that tasks add later."""
    added = (
        sorted(p for p in top.glob("requirements-*.txt") if p.stem not in DEVELOPERS) if with_added else []
    )
    return [top / REQUIREMENTS, *added]


def secrets(cluster: Cluster, text: str) -> list[str]:
    """The keys of a hosts file whose values are secrets in plain text."""
    found: dict[str, None] = {}
    webhook = cluster.notify.webhook
    if webhook is not None and webhook.kind == "plain":
        found["notify.webhook"] = None
    for host in cluster.hosts:
        for key, source in _passwords(host):
            if source is not None and source.kind == "plain":
                found[key] = None
        for name, value in host.ray.env.items():
            if value and SECRET_WORDS & set(name.upper().split("_")):
                found[f"ray.env.{name}"] = None
    if PASSWORD_IN_URL.search(text):
        found["a URL with a password"] = None
    return list(found)


def _passwords(host: Host) -> Iterator[tuple[str, object]]:
    yield "password", host.password
    yield "sudo_password", host.sudo_password
    for name in runtimes.NAMES:
        section = getattr(host, name)
        for key in section.passwords():
            yield f"{name}.{key}", getattr(section, key)


def hosts_files(cluster: Cluster) -> tuple[dict[str, Path | bytes], list[str], list[str]]:
    """The hosts file, as the one in the operator's folder, and the files that it names.

    :returns: the files by their names there, the secrets that keep the hosts file out, and the named files that stay
        here: what the hosts file names relative to its own folder goes along, but never a private key.
    """
    content = cluster.path.read_bytes()
    text = content.decode("utf-8", "replace")
    if found := secrets(cluster, text):
        return {}, found, []
    along: dict[str, Path | bytes] = {HOSTS_FILE: content}
    stays: dict[str, None] = {}
    for key, value in (one for host in cluster.hosts for one in _named(host)):
        path = Path(value).expanduser()
        inside = _inside(cluster.path, path, text)
        if not inside or key == "key":
            stays[f"{key} ({value})"] = None
        elif path.is_file():
            along[inside] = path
    return along, [], list(stays)


def _named(host: Host) -> Iterator[tuple[str, str]]:
    if host.key:
        yield "key", host.key
    if host.mirrors.ca:
        yield "mirrors.ca", host.mirrors.ca
    for name in runtimes.NAMES:
        if lock := getattr(getattr(host, name), "lock", None):
            yield f"{name}.lock", lock


def _inside(hosts_file: Path, path: Path, text: str) -> str | None:
    """The path from the folder of the hosts file, if the text has it so."""
    folder = hosts_file.parent
    if str(path) in text or ".." in path.parts or not path.is_relative_to(folder):
        return None
    return path.relative_to(folder).as_posix()
