"""Settings of this machine that a lab host needs for Internet access: certificates, proxies, package sources.

They are read at build time and stored only in the images, never in the project.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
from pathlib import Path

from tasks.testbed.engine import command

SUITE = "bookworm"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
UV = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_INSECURE_HOST",
    "UV_PYTHON_INSTALL_MIRROR",
)
PIP = ("index-url", "extra-index-url", "trusted-host", "proxy")
APT = re.compile(r"Acquire::(https?|Retries|ForceIPv[46]|Check-Valid-Until|Check-Date)\b.*\"[^\"]+\";")
LOCAL = re.compile(r"localhost|127\.0\.0\.1|file:")  # refers to something else inside a host


def settings() -> dict[str, str]:
    """Absolute path inside a host -> text of that file."""
    files = {"/etc/environment": _lines(f'{k}="{v}"' for k, v in _environment().items())}
    files |= _certificates()
    if pip := _pip():
        files["/etc/pip.conf"] = "[global]\n" + _lines(f"{k} = {v}" for k, v in pip.items())
    if sources := apt_sources():
        files["/etc/apt/sources.list"] = _lines(f"deb {uri} {suite} main" for uri, suite in sources)
    dump = command(["apt-config", "dump"]).stdout.splitlines()
    files["/etc/apt/apt.conf.d/80lab"] = _lines(line for line in dump if APT.match(line))
    return files


def nameservers() -> list[str]:
    """Name servers that a container can reach; for a resolver on loopback, the servers behind it."""
    for path in ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"):
        found = re.findall(r"^nameserver\s+(\S+)", _read(path), re.MULTILINE)
        found = [server for server in found if not server.startswith("127.") and server != "::1"]
        if found:
            return found
    return []


def apt_sources() -> list[tuple[str, str]]:
    """(URI, suite) of Debian's archives as this machine uses them; empty if it is not of that suite."""
    found: list[tuple[str, str]] = []
    for path in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        text = re.sub(r"(?m)^\s*#.*\n?", "", _read(path))
        if path.suffix == ".sources":
            for stanza in re.split(r"\n\s*\n", text):
                field = dict(re.findall(r"(?m)^([\w-]+):\s*(.+)$", stanza))
                for uri in field.get("URIs", "").split():
                    for suite in field.get("Suites", "").split():
                        found.append((uri, suite, field.get("Components", ""), field.get("Signed-By", "")))
        elif path.suffix == ".list":
            for options, uri, suite, parts in re.findall(
                r"(?m)^deb\s+(\[.*?\]\s+)?(\S+)\s+(\S+)\s+(.+)$", text
            ):
                found.append((uri, suite, parts, options if "signed-by" in options.lower() else ""))
    return [
        (uri, suite)
        for uri, suite, components, key in found
        if uri.startswith("http")
        and re.fullmatch(SUITE + "(-updates|-security)?", suite)
        and "main" in components.split()
        and (not key or "debian-archive" in key)
    ]


def _certificates() -> dict[str, str]:
    own = {f"/usr/local/share/ca-certificates/{p.name}": _read(p) for p in _own_authorities()}
    bundle = _read(os.environ.get("SSL_CERT_FILE") or BUNDLE)
    return {**own, BUNDLE: bundle} if bundle else own


def _own_authorities() -> list[Path]:
    return sorted(Path("/usr/local/share/ca-certificates").glob("**/*.crt"))


def _environment() -> dict[str, str]:
    kept = {k: os.environ[k] for k in PROXIES + UV if os.environ.get(k) and not LOCAL.search(os.environ[k])}
    pip = _pip()
    if "index-url" in pip:
        kept.setdefault("UV_DEFAULT_INDEX", pip["index-url"])
    if "extra-index-url" in pip:
        kept.setdefault("UV_INDEX", pip["extra-index-url"])
    if _own_authorities() or os.environ.get("SSL_CERT_FILE"):
        # uv, requests and conda have their own CA lists, without those of this machine
        kept |= {"SSL_CERT_FILE": BUNDLE, "REQUESTS_CA_BUNDLE": BUNDLE}
    return kept


def _pip() -> dict[str, str]:
    config = configparser.RawConfigParser()
    home = Path.home()
    config.read(
        ["/etc/pip.conf", home / ".pip/pip.conf", home / ".config/pip/pip.conf", Path(sys.prefix, "pip.conf")]
        + [p for p in [os.environ.get("PIP_CONFIG_FILE")] if p]
    )
    kept = {}
    for key in PIP:
        value = os.environ.get("PIP_" + key.upper().replace("-", "_")) or config.get(
            "global", key, fallback=""
        )
        words = [word for word in value.split() if not LOCAL.search(word)]
        if words:
            kept[key] = " ".join(words)
    return kept


def _lines(lines) -> str:
    return "".join(line + "\n" for line in lines)


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
