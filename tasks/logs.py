"""logs, collect."""

from __future__ import annotations

from tasks.commandline import options
from tasks.node.logfiles import COMPONENTS


@options.task(
    iterable=["host", "limit"],
    help={
        **options.COMMON,
        "host": "only these hosts: names, addresses or globs, comma-separated or repeated",
        "limit": "the same as --host",
        "component": f"which logs, comma-separated: {', '.join(COMPONENTS)}, all (default: start,raylet,gcs)",
        "lines": "how many lines of each file (default 20; 2000 with --since, --job or --node)",
        "since": "only lines since then: 10m, 2h, or a time such as '2026-01-02 15:04'",
        "job": "the logs of a job and of its workers: the id that fab submit said, or Ray's own, such as 02000000",
        "node": "only the host that ran the node with this id in Ray; its first digits are enough",
        "errors": "tracebacks, kills for want of memory, ended processes, full disks: each once, with its count",
        "follow": "keep printing new lines until Ctrl-C; a lost host is connected to again",
        "grep": "only lines that match this regular expression",
        "json": "with --errors: print machine-readable JSON on stdout, and nothing else",
    },
)
def logs(
    c,
    hosts_file=None,
    host=None,
    limit=None,
    component=None,
    lines=None,
    since=None,
    job=None,
    node=None,
    errors=False,
    follow=False,
    grep=None,
    json=False,
    debug=False,
):
    """
    Show the last log lines of all hosts, merged by time.

    They are read from the hosts' files, so that it works where Ray is dead, too.
    """
    from invoke import Exit

    from tasks.actions import logs

    asked = logs.query(component, lines, since, job, node, errors=errors, follow=follow)
    code = logs.show(
        hosts_file,
        ((host, "--host"), (limit, "--limit")),
        asked,
        job=job,
        grep=grep,
        follow=follow,
        json_=json,
        debug=debug,
    )
    if code:
        raise Exit(code=code)


@options.task(
    iterable=["limit"],
    help={
        **options.WITH_LIMIT,
        "output": "the .tar.gz to write; it is written completely or not at all",
        "max_size": "how many bytes of logs are read from all hosts together, at most (default 50mb)",
    },
)
def collect(c, output=None, hosts_file=None, limit=None, max_size="50mb", debug=False):
    """
    Put logs and facts of all hosts into one file, no secrets.

    Logs and facts of all hosts, of dead ones what the head and this machine know of them, and a first diagnosis, which
    is also printed.
    """
    from invoke import Exit

    from tasks.actions import collect

    code = collect.make(output, hosts_file, limit, most=max_size, debug=debug)
    if code:
        raise Exit(code=code)
