"""What `fab collect` writes: all that is needed to find a fault, in one file, without secrets."""

from __future__ import annotations

import contextlib
import io
import json
import re
import tarfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from tasks.actions import audit, cli
from tasks.actions.archive import written_whole
from tasks.commandline import Mistake
from tasks.commandline.version import VERSION
from tasks.inventory import Secret
from tasks.inventory.loader import read
from tasks.inventory.sizes import Size
from tasks.node.life import starts_within_an_hour
from tasks.node.start import token_script
from tasks.phases.collect import collect, connect_some, measure
from tasks.phases.gather_facts import gather_facts
from tasks.phases.read_history import read_history
from tasks.phases.read_status import read_status
from tasks.report.console import Console
from tasks.report.diagnosis import Case, Seen, diagnosis
from tasks.report.incidents import incidents
from tasks.run import history
from tasks.run.collected import Collected
from tasks.run.failures import HostFailed, Stop
from tasks.run.operate import operate
from tasks.run.run import Run
from tasks.run.secrets import redactor
from tasks.run.stages import Reached
from tasks.run.status import as_json
from tasks.run.step import Step
from tasks.ssh import RemoteError
from tasks.text.redaction import SHORTEST
from tasks.text.wording import counted, shown, size

LEAST, EACH = 256 << 10, 4 << 20  # bytes: of a host at least, of one file at most


def make(
    output: str | None, hosts_file: str | None, limit: Iterable[str] | None, *, most: str, debug: bool
) -> int:
    """Writes the file; returns the exit status."""
    if output is None:
        raise Mistake("collect needs --output", "fab collect --output report.tar.gz")
    path = Path(output).expanduser()
    if not path.parent.is_dir():
        raise Mistake(f"--output: there is no folder {path.parent}", "create it, or choose another path")
    if path.is_dir():
        raise Mistake(f"--output: {path} is a folder", "name a file")
    try:
        bound = Size(most).bytes
    except ValueError:
        raise Mistake(f"--max-size: {shown(most)} is no size, at least 1mb", "--max-size 50mb") from None
    run = cli.new_run(hosts_file, "collect", console=Console(), limit=limit, debug=debug)
    sizes: dict[str, int] = {}
    found: dict[str, Collected] = {}
    remembered: list = []
    asides: list[str] = []

    def budget(run: Run) -> int:
        return max(LEAST, bound // max(1, len(run.chosen())))

    steps = (
        connect_some,
        gather_facts,
        _if_there(Step("Learn what to leave out", _learn_token), asides),
        _if_there(read_status, asides),
        _if_there(read_history(remembered), asides),
        measure(sizes, budget, EACH),
        collect(found, budget, EACH),
        Step("Write the file", lambda run: _write(run, path, found, remembered, asides)),
    )
    return operate(run, steps)


def _if_there(step: Step, asides: list[str]) -> Step:
    """The same step, where the head can be reached. :param asides: gets why it failed."""

    def work(run: Run) -> None:
        head = run.head()
        if isinstance(head, Reached) and not run.failure(head):
            step(run)
            if failure := run.failure(head):
                # its Ray is dead or hangs, which is what the rest of it is collected for
                asides.append(f"{head.name}: {failure.message}")
                run.forgive(head)

    return Step(step.title, work)


def _learn_token(run: Run) -> None:
    """The cluster's token is taken out wherever it stands, so it has to be known."""
    with contextlib.suppress(HostFailed, RemoteError, KeyError):
        answer = run.ask(run.head(Reached), token_script(run.cluster.name, offers=False), timeout=60.0)
        run.learned.token = Secret(answer.values["token"])


def _write(run: Run, path: Path, found: Mapping[str, Collected], remembered: list, asides: list[str]) -> None:
    members = dict(_members(run, found, remembered, asides))
    try:
        _save(path, members)
    except OSError as error:
        raise Stop(f"{path} cannot be written: {error.strerror}", "choose another path") from None
    run.console.print()
    for line in members["diagnosis.txt"].splitlines():
        run.console.print(f"  {line}")
    run.console.print()
    whole = sum(map(len, members.values()))
    run.console.ok(
        f"{path}: {counted(len(members), 'file')}, from {len(found)} of {counted(len(run.every()), 'host')}",
        f"{size(path.stat().st_size)}, unpacked {size(whole)}",
    )
    run.console.note(
        "known secrets and what looks like one were replaced by ***; read it before you pass it on"
    )


def _members(
    run: Run, found: Mapping[str, Collected], remembered: list, asides: list[str]
) -> Iterable[tuple[str, str]]:
    hide = redactor(run)
    dead = {node.name: run.failure(node).message for node in run.failed}
    status = as_json(run)
    seen = {name: _seen(one) for name, one in found.items()}
    told = incidents(line for one in found.values() for line in one.lines)
    lines = diagnosis(Case(len(run.every()), dead, seen, status["nodes"], run.learned.table, told, asides))
    yield "diagnosis.txt", hide("\n".join(lines) + "\n")
    about = {
        "format": 1,
        "version": VERSION,
        "cluster": run.cluster.name,
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "hosts": [node.name for node in run.every()],
        "not_reached": dead,
    }
    yield "about.json", hide(json.dumps(about, indent=2, ensure_ascii=False))
    # a value that a person writes there for Ray's processes may be a secret, whatever its name
    values = {v for host in run.cluster.hosts for v in host.ray.env.values() if len(v) >= SHORTEST}
    text = hide(read(run.cluster.path))
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "***")
    yield "hosts.yml", text
    for name, thing in {
        "status.json": status,
        "node-table.json": run.learned.table,
        "errors.json": [one.as_json() for one in told],
        "history.json": history.merged(remembered, audit.changes(run.cluster)),
    }.items():
        yield name, hide(json.dumps(thing, indent=2, ensure_ascii=False, default=str))
    for host, one in found.items():
        for name, texts in one.texts.items():
            yield f"hosts/{_plain(host)}/{_plain(name)}", hide("\n".join(texts) + "\n")
    for host, why in dead.items():
        yield f"hosts/{_plain(host)}/not-reached.txt", hide(_known(run, host, why))


def _known(run: Run, name: str, why: str) -> str:
    """What is known of a host that could not be asked."""
    entry = run.learned.ray_nodes.get(name)
    node = next((one for one in as_json(run)["nodes"] if one["name"] == name), None)
    return "\n".join([why, "", f"Ray's table: {entry or 'no entry'}", "", f"status: {node}", ""])


def _seen(one: Collected) -> Seen:
    starts = [line for line in one.texts.get("system/starts", ()) if line.strip()]
    service = " ".join(line.strip() for line in one.texts.get("system/service", ()) if line.strip())
    return Seen(one.behind, one.texts.get("system/df", ()), starts_within_an_hour(starts), service[:200])


def _plain(name: str) -> str:
    """A name that a host has given, as a path inside the archive that leads nowhere else."""
    parts = [re.sub(r"[^\w.,@+=-]", "_", part) for part in name.split("/")]
    return "/".join(part for part in parts if part.strip("."))


def _save(path: Path, members: Mapping[str, str]) -> None:
    """Writes the archive completely or not at all; only its owner can read it."""
    top = re.sub(r"\.(tar\.gz|tgz|tar)$", "", path.name) or "collected"
    with written_whole(path) as file, tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, text in members.items():
            data = text.encode("utf-8", "replace")
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size, info.mode, info.mtime = len(data), 0o600, int(time.time())
            tar.addfile(info, io.BytesIO(data))
