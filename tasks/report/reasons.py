"""The lines of Ray's logs that say why something failed, and the fix where the reason is a known one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

# frames of C++ and of Python, state dumps, advice that fits every failure, and separators
_NOISE = re.compile(
    r"""\[state-dump\]|Queueing\ time:|Execution\ time:|
    \*\*\*\ .*(StackTrace|SIG|stack\ trace)|^\s*@\s+0x[0-9a-f]+|^\s*\S+\.so\S*\(\S*\)\s*\[0x|
    ^\s*(ray|std|boost|grpc|absl|google|main|plasma|non-virtual|__\w+|_start|clone)\b.{0,4}(::|\(\)|\+|$)|
    ^\s*File\ "|^\s*Thread\ 0x|^\s*\^+\s*$|^[\s=*-]+$|^\s*(PC:|@\s)|Stack\ trace:\s*$|
    ^Traceback\ \(most\ recent|^\s*The\ above\ exception\ was|^\s*During\ handling\ of\ the\ above|
    You\ can\ find\ the\ log\ file\ structure|Refer\ to\ the\ documentation\ on\ how|^\s*--+\s*$|
    (raylet\.(cc|h)|main\.cc):\d+:.*(Setting|started|Raylet\ of\ id)|Usage\ stats\ collection""",
    re.VERBOSE,
)
# a fatal line of C++, an error line of C++ or glog, and Python's own last line of a traceback
_BEST = re.compile(r"\[\S+ \S+ C \d+|^F\d{4} |\[Timeout\]|Check failed|Fatal|FATAL|CRITICAL|\[exit code=")
_GOOD = re.compile(
    r"\[\S+ \S+ E \d+|^E\d{4} | ERROR |^\w[\w.]*(Error|Exception|Interrupt|Exit)\b|^Error: |No such option|"
    r"Version mismatch|^    (Ray|Python): |^This process on node|Unhandled exception|terminate called|what\(\):|Killed$"
)
_GLOG_INFO = re.compile(r"\[\S+ \S+ [IWD] \d+ \d+\]|^[IW]\d{4} | (INFO|WARNING|DEBUG) ")

# what the lines hold -> the fix. The first one that is found counts.
KNOWN: tuple[tuple[str, str], ...] = (
    (
        r"Version mismatch: The cluster was started with",
        "all nodes need the same Ray and the same full Python: fab deploy-cluster without --limit",
    ),
    (
        r"Address already in use|EADDRINUSE|port is already|[Pp]ort \d+ is (already )?in use|specified port is \d+",
        "another program has that port: stop it, or choose others under ray.ports",
    ),
    (
        r"PermissionError.*/tmp/ray|Permission denied.*/tmp/ray|/tmp/ray.*[Pp]ermission denied",
        "another user's files are in /tmp/ray: as root, remove /tmp/ray if no other Ray needs it",
    ),
    (r"PermissionError|[Pp]ermission denied", "make that path writable for the user that Ray runs as"),
    (
        r"exceeds /dev/shm size|/dev/shm has only",
        "/dev/shm is too small: enlarge it (docker.shm_size for containers), or less object_store_memory in head_args",
    ),
    (
        r"No space left on device|ENOSPC|over 9\d% full|out of disk",
        "the disk is full: free some space below /tmp and the home folder, then the same command again",
    ),
    (
        r"Too many open files",
        "raise the limit of open files of the user that Ray runs as: nofile in /etc/security/limits.conf",
    ),
    (
        r"pthread_create failed|[Tt]hread creation failed|Resource temporarily unavailable|can't start new thread",
        "raise the limit of processes of the user that Ray runs as: nproc in /etc/security/limits.conf",
    ),
    (
        r"Descriptors cannot (not )?be created directly|protobuf.*(incompatible|mismatch)|no attribute 'DESCRIPTOR'",
        "a package needs another protobuf than Ray: pin protobuf among the packages of the hosts file",
    ),
    (
        r"running low on memory|memory pressure \(OOM\)|[Oo]ut of memory|OOM killer|oom-kill|Killed$|MemoryError",
        "the memory is used up: less work at the same time, more memory, or fewer cpus for this host",
    ),
    (
        r"WRONGPASS|NOAUTH|invalid username-password|[Uu]nauthenticated|InvalidAuthToken|"
        r"token.*(invalid|required|missing)|AuthenticationError",
        "the token or password of the cluster differs here: fab deploy-cluster brings the head's to every host",
    ),
    (
        r"grpcio|one Ray agent failed|Ray agent failed",
        "an agent of Ray ended: fab logs --component agent says why, often another grpcio than Ray needs",
    ),
    (
        r"mistakenly been marked (as )?dead|missed too many heartbeats|failed to check the health|health check failed",
        "the head cannot reach this node, or the host is overloaded: fab check tries the ports between the hosts",
    ),
    (
        r"Failed to connect to GCS|Unable to connect to GCS|waiting for GCS to become available|DEADLINE_EXCEEDED|"
        r"failed to connect to all addresses|GCS.*(unreachable|[Tt]imed ?[Oo]ut)",
        "this host cannot reach the head's GCS: fab check tries the ports between the hosts",
    ),
    (
        r"No such option|Got unexpected extra argument",
        "this version of Ray has no such flag: head_args, worker_args",
    ),
    (
        r"CPU.*(illegal|not support)|Illegal instruction|SIGILL",
        "Ray's wheel needs a newer CPU than this host has",
    ),
    (r"GLIBC_\d|version `GLIBC", "Ray's wheel needs a newer C library: a newer system, or runtime: docker"),
    (
        r"ModuleNotFoundError|ImportError",
        "a package is missing or broken: fab deploy-cluster repairs the environment",
    ),
)


def telling(logs: Mapping[str, Sequence[str]], count: int = 8) -> tuple[str, ...]:
    """The lines that say why, at most ``count``, in the order in which they were found.

    :param logs: the last lines of each file, by its name.
    """
    ranked: list[tuple[int, int, str]] = []
    seen: set[str] = set()
    for lines in logs.values():
        for line in lines:
            text = line.rstrip()
            if not text.strip() or _NOISE.search(text) or text in seen:
                continue
            seen.add(text)
            ranked.append((_rank(text), len(ranked), text))
    best = sorted(ranked, key=lambda one: (-one[0], -one[1]))[:count]
    return tuple(text for _, _, text in sorted(best, key=lambda one: one[1]))


def _rank(text: str) -> int:
    if any(re.search(pattern, text) for pattern, _ in KNOWN[:-1]) and not _GLOG_INFO.search(text):
        return 4
    if _BEST.search(text):
        return 3
    if _GOOD.search(text):
        return 2
    return 0 if _GLOG_INFO.search(text) else 1


def fix(lines: Sequence[str], reason: str = "") -> str:
    """The fix for the first known reason that these lines name; '' if none does.

    :param reason: what Ray's node table gives as the reason.
    """
    text = "\n".join([reason, *lines])
    return next((way for pattern, way in KNOWN if re.search(pattern, text, re.MULTILINE)), "")
