"""Turn the error output of pip and uv into one sentence and a fix."""

from __future__ import annotations

import re

DISK_FULL = "the disk is full"
MIRROR = "use a mirror: export PIP_INDEX_URL=https://pypi.tuna.tsinghua.edu.cn/simple"

# The first match counts: if an index does not answer, pip also prints that it has no such package.
REASONS = (
    (
        r"externally-managed-environment",
        "this Python is managed by the system",
        "create an environment of your own with python3 -m venv",
    ),
    (
        r"No space left on device|Disk quota exceeded|os error 28\b",
        DISK_FULL,
        "free about 200 MB there, then run the same command again",
    ),
    (
        r"Read-only file system|Permission denied|os error (?:13|30)\b",
        "a folder is not writable",
        "check who owns it, or use a folder of your own",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|invalid peer certificate|UnknownIssuer",
        "the certificate of the package index is not trusted",
        "use your network's CA certificates: export PIP_CERT=/path/to/ca.pem",
    ),
    (
        r"ProxyError|Cannot connect to proxy|proxy CONNECT|tunnel error",
        "the proxy does not answer",
        "use another proxy: export HTTPS_PROXY=http://HOST:PORT",
    ),
    (
        r"\b40[13] (?:Client Error|Unauthorized|Forbidden)|status code (?:401|403)|HTTP error 40[13]",
        "the package index refuses access",
        "put the user and password into PIP_INDEX_URL or ~/.netrc",
    ),
    (
        r"[Nn]ame or service not known|name resolution|nodename nor servname|getaddrinfo|dns error|NameResolution",
        "the name of the package index does not resolve",
        f"is there a network? {MIRROR}",
    ),
    (
        r"[Cc]onnection refused|[Tt]imed out|[Nn]etwork is unreachable|NewConnectionError|error sending request"
        r"|[Cc]onnection (?:reset|broken|aborted)|RemoteDisconnected",
        "the package index does not answer",
        f"is it reachable? {MIRROR}",
    ),
    (
        r"satisfies the requirement (?P<name>\S+) \(from versions: none\)",
        "the package index does not answer, or has no {name}",
        f"is it reachable? {MIRROR}",
    ),
    (
        r"No matching distribution found for (?P<name>\S+)|Because (?P<name2>\S+) was not found",
        "the package index has no {name} for this Python and system",
        f"another index may have it; {MIRROR}",
    ),
)


def explain(output: str) -> tuple[str, str]:
    """The reason and a fix, found in the installer's output."""
    for pattern, what, hint in REASONS:
        if found := re.search(pattern, output):
            name = next((value for value in found.groupdict().values() if value), "package")
            return what.format(name=name), hint
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(ERROR|error|×)", line)]
    last = (errors or lines or ["it printed no error"])[-1]
    return re.sub(r"^(ERROR|error|×):?\s*", "", last), f"is the package index reachable? {MIRROR}"
