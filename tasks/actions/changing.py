"""Changes under way: runs over workers that are drained first, and the restart in batches."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

from tasks.actions import audit, cli
from tasks.actions.newcomers import items
from tasks.commandline import Mistake
from tasks.inventory import Cluster
from tasks.report.console import Console
from tasks.run.rolling import Rolling, batch_size, progress
from tasks.run.run import Run
from tasks.text import durations
from tasks.text.quoting import printed

LONGEST = 7 * 86400


def seconds(text: object) -> int:
    """The value of ``--deadline``, or exit status 2."""
    try:
        found = durations.parse(str(text))
    except ValueError as error:
        raise Mistake(f"--deadline: {error}", "--deadline 10m") from None
    if found > LONGEST:
        raise Mistake("--deadline: at most 7d", "--deadline 10m")
    return found


def workers_run(
    task: str,
    hosts_file: str | None,
    host: Sequence[str] | None,
    *,
    deadline: object,
    yes: bool,
    debug: bool,
    why: str = "",
    everyone: bool = False,
) -> Run:
    """A run that may change the workers of ``--host``, or exit status 2.

    :param everyone: it reads all hosts of the file, not only these and the head.
    """
    console = Console()
    named = items(host, task.partition(" ")[0])
    wait = seconds(deadline)
    cluster = cli.read(hosts_file, console)
    names = cli.selected(cluster, named, flag="--host")
    refuse_head(cluster, names, "--host", "its work ends with it: fab stop stops the whole cluster")
    chosen = [one for one in cluster.hosts if one.name in names]
    return cli.make_run(
        cluster,
        console,
        f"{task} {' '.join(named)}",
        hosts=None if everyone else [cluster.head, *chosen],
        limit=names,
        debug=debug,
        yes=yes,
        deadline=wait,
        why=why,
    )


def refuse_head(cluster: Cluster, names: frozenset[str], flag: str, hint: str) -> None:
    if cluster.head.name in names:
        raise Mistake(
            f"{flag} names the head of {cluster.name} ({cluster.head.name}), which has to stay", hint
        )


def rolling(
    hosts_file: str | None,
    limit: Sequence[str] | None,
    *,
    batch: object,
    canary: object,
    max_failures: object,
    deadline: object,
    yes: bool,
    debug: bool,
) -> tuple[Run, Rolling]:
    """The run of ``fab restart --rolling``, and how it restarts; or exit status 2."""
    console = Console()
    wait = seconds(deadline)
    first, most = (
        cli.number("--canary", canary, 0, 1000),
        cli.number("--max-failures", max_failures, 0, 10000),
    )
    try:
        batch_size(str(batch), 1)
    except ValueError as error:
        raise Mistake(f"--batch: {error}", "--batch 10%") from None
    cluster = cli.read(hosts_file, console)
    names = frozenset(host.name for host in cluster.workers)
    if limit:
        names = cli.selected(cluster, limit)
        refuse_head(
            cluster,
            names,
            "--limit",
            f"fab restart --limit {printed(cluster.head.name)} restarts the cluster",
        )
    if not names:
        raise Mistake("--rolling restarts workers, and there is none", "fab restart restarts the head")
    key = hashlib.sha256("\n".join([str(cluster.path.absolute()), *sorted(names)]).encode()).hexdigest()[:16]
    kept = progress(audit.folder() / f"rolling-{cluster.name}.json", key, time.time())
    run = cli.make_run(
        cluster,
        console,
        "restart --rolling",
        limit=names,
        debug=debug,
        registry=True,
        yes=yes,
        deadline=wait,
    )
    return run, Rolling(str(batch), first, most, kept)
