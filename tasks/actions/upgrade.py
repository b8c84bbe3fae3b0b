"""What upgrade and rollback do with the files of this machine: in the end the hosts file says what runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from invoke import Exit

from tasks import runtimes
from tasks.actions import cli, newcomers, summary
from tasks.commandline import Mistake
from tasks.inventory import Cluster, Host, InventoryError, edit
from tasks.inventory.edit import EditError
from tasks.report.console import Console
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Planned

RAY, IMAGE = "ray.version", "docker.image"


def wanted(cluster: Cluster, ray: str | None, image: str | None) -> dict[str, str]:
    """The keys of the hosts file that the command line changes, or exit status 2."""
    known = [_asked(host) for host in cluster.hosts]
    if image and not any(IMAGE in one for one in known):
        raise Mistake(
            "--image is for hosts that run Ray in a container, and there is none", "fab upgrade --ray V"
        )
    given = {key: value for key, value in ((RAY, ray), (IMAGE, image)) if value}
    return {key: value for key, value in given.items() if any(one.get(key, value) != value for one in known)}


def changed(cluster: Cluster, path: Path, values: Mapping[str, str], console: Console) -> Cluster:
    """The cluster with other values, or exit status 2 with every mistake named; the file is untouched."""
    if not values:
        return cluster
    newcomers.need_writable(path)
    try:
        return edit.with_values(path, values)[1]
    except InventoryError as error:
        for problem in error.problems:
            console.bad(str(problem))
    except EditError as error:
        console.bad(str(error), "change the file by hand, then fab upgrade without --ray and --image")
    console.print("nothing was changed")
    raise Exit(code=2)


@contextlib.contextmanager
def locks_kept(cluster: Cluster) -> Iterator[list[bool]]:
    """Locks on this machine are as before, unless what is yielded was filled: then the new ones stay."""
    paths = {Path(one.file.path).expanduser() for one in cluster.files if one.file.made}
    before = {path: path.read_text("utf-8") if path.exists() else None for path in paths}
    done: list[bool] = []
    try:
        yield done
    finally:
        for path, text in before.items() if not done else ():
            if text is None:
                path.unlink(missing_ok=True)
            elif path.read_text("utf-8") != text:
                edit.write(path, text)


def upgraded(run: Run, path: Path, values: Mapping[str, str]) -> None:
    """Writes the hosts file, says what runs now, and for how long it did not."""
    _write(run, path, values)
    summary.deployed(run)
    say_outage(run)


def say_outage(run: Run) -> None:
    """The time from the first stop to a task on every node."""
    if run.learned.outage is not None:
        run.console.ok(f"outage: {run.learned.outage:.1f} s, from the first stop to a task on every node")
        run.console.note("what ran before is kept: fab rollback goes back to it")


def rolled_back(run: Run, path: Path) -> None:
    """Writes into the hosts file what runs again."""
    nodes = run.every(Planned)
    for name, group in runtimes.grouped(nodes).items():
        runtimes.steps_by_name(name).went_back(run, group)
    values: dict[str, str | None] = {}
    for node in nodes:
        now = _asked(node.host)
        values |= {key: one for key, one in node.desired.asked.items() if now.get(key, one) != one}
    path = _write(run, path, values)
    summary.deployed(run)
    say_outage(run)
    differing = [node.name for node in nodes if not _as_in_file(run, node, path)]
    if differing:
        run.console.note(
            f"{path.name} asks for something else on {', '.join(differing)}: fab plan says what; "
            "the next fab deploy-cluster would change it"
        )


def _as_in_file(run: Run, node: Planned, path: Path) -> bool:
    """Whether a deploy with the hosts file would leave this node alone."""
    host = next((h for h in cli.load_with_keys(path).hosts if h.name == node.name), None)
    if host is None or _asked(host) != node.desired.asked:
        return False
    subject = type(node.subject)(host, node.facts)
    wants = runtimes.of(host).desire(
        subject, run.cluster.name, node.versions, node.desired.node_ip, run.learned.head_address
    )
    return wants.hash == node.desired.hash


def _asked(host: Host) -> dict[str, str | None]:
    return runtimes.of(host).asked(host)


def _write(run: Run, path: Path, values: Mapping[str, str | None]) -> Path:
    """Writes keys into the hosts file; the file that has them now."""
    if not values:
        return path
    said = ", ".join(f"{key}: {value or 'null'}" for key, value in values.items())
    try:
        path = cli.file_to_change(path, run.console)
        edit.set_values(path, values)
    except (EditError, InventoryError, OSError) as error:
        raise Stop(
            f"all hosts run Ray {run.head(Planned).versions.ray}, but {path.name} could not be changed: {error}",
            f"write it there by hand: {said}",
        ) from None
    run.console.ok(f"{path.name} says what runs", said)
    return path
