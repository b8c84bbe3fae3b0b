"""What `fab backup` and `fab restore` do: the hosts file, what it names, and what the head keeps, in one file."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from invoke import Exit

from tasks.actions import archive, cli, consent
from tasks.actions.archive import HISTORY, HOSTS, JOBS, LOCKS, NAMED, STATE, TOKEN, Archive, Broken
from tasks.commandline import Mistake
from tasks.commandline.version import VERSION
from tasks.environment.home import in_checkout
from tasks.inventory import Cluster, InventoryError, Secret
from tasks.inventory.loader import parse, read
from tasks.inventory.localfiles import CA
from tasks.phases import operation
from tasks.phases.keep import keep, put_back
from tasks.report import handover
from tasks.report.console import Console
from tasks.run.failures import Stop
from tasks.run.head_files import HeadFiles
from tasks.run.run import Run
from tasks.text.quoting import printed


def make(output: str | None, hosts_file: str | None, *, debug: bool) -> None:
    """Writes a backup; ends with the contract's status."""
    if output is None:
        raise Mistake("backup needs --output", "fab backup --output FILE")
    console = Console()
    cluster = cli.read(hosts_file, console)
    path = Path(output).expanduser()
    if not path.parent.is_dir():
        raise Mistake(f"--output: there is no folder {path.parent}", "create it, or choose another path")
    if path.is_dir():
        raise Mistake(f"--output: {path} is a folder", "name a file")
    run = cli.make_run(cluster, console, "backup", debug=debug)
    kept: list[HeadFiles] = []
    cli.finish(run, (*operation.FACTS, keep(kept.append)), lambda run: _write(run, path, kept[0]))


def _write(run: Run, path: Path, kept: HeadFiles) -> None:
    cluster = run.cluster
    named, left = _named(cluster)
    members = {HOSTS: read(cluster.path).encode()}
    held = {
        TOKEN: kept.token.reveal().encode() if kept.token else b"",
        LOCKS: kept.locks.encode(),
        STATE: kept.state,
        HISTORY: "\n".join(kept.history).encode(),
        JOBS: kept.jobs.encode(),
    }
    members |= {name: data for name, data in held.items() if data}
    paths = {}
    for number, (place, data) in enumerate(named.items()):
        members[f"{NAMED}{number}"], paths[f"{NAMED}{number}"] = data, place
    said = {"cluster": cluster.name, "made": time.strftime("%Y-%m-%d %H:%M:%S %Z"), "version": VERSION}
    said |= {"state_for": kept.state_for} if kept.state_for else {}
    try:
        archive.write(path, Archive(said, members, paths))
    except OSError as error:
        raise Stop(f"{path} cannot be written: {error.strerror}", "choose another path") from None
    what = ["hosts file", *named]
    what += [name.partition(".")[0] for name, data in held.items() if data]
    run.console.ok(f"{path}: {', '.join(what)}", f"{path.stat().st_size / 1e6:.1f} MB")
    if left:
        run.console.note(f"not in it, keep them yourself: {', '.join(left)}")
    run.console.note(f"who has {path.name} can use the cluster: it is readable for you alone, keep it so")
    handover.commands(run.console, [(f"restore {printed(str(path))}", "put it back")])


def _named(cluster: Cluster) -> tuple[dict[str, bytes], list[str]]:
    """The files that the hosts file names: those to keep, by where they belong, and the names of all others."""
    folder = cluster.path.resolve().parent
    kept: dict[str, bytes] = {}
    left: dict[str, None] = {}
    for one in cluster.files:
        path = Path(one.file.path).expanduser()
        if not one.file.made and not one.where.endswith(CA):
            left[str(path)] = None
            continue
        with contextlib.suppress(FileNotFoundError):
            inside = path.resolve().is_relative_to(folder)
            place = path.resolve().relative_to(folder).as_posix() if inside else str(path)
            kept[place] = path.read_bytes()
    return kept, list(left)


def restore(file: str, hosts_file: str | None, *, force: bool, yes: bool, debug: bool) -> None:
    """Puts a backup back: everything is checked first, and nothing is written by halves."""
    console = Console()
    path = Path(file).expanduser()
    try:
        found = archive.read(path)
    except Broken as error:
        raise Mistake(f"{path}: {error}; nothing was changed", "take another file of fab backup") from None
    except OSError as error:
        raise Mistake(
            f"{path} cannot be read: {error.strerror}", "fab backup --output FILE makes one"
        ) from None
    target = cli.hosts_file(hosts_file)
    target = cli.OWN if target == cli.SHIPPED and in_checkout() else target
    cluster = _cluster(found, target, console)
    files = {target: found.members[HOSTS]}
    files |= {target.resolve().parent / place: found.members[name] for name, place in found.paths.items()}
    _agree(console, files, force=force or yes, path=path)
    run = cli.make_run(cluster, console, "restore", hosts=[cluster.head], debug=debug, yes=yes)
    text = {name: found.members.get(name, b"") for name in (TOKEN, LOCKS, HISTORY, JOBS)}
    token = text[TOKEN].decode("ascii", "replace").strip()
    kept = HeadFiles(
        Secret(token) if token else None,
        text[LOCKS].decode(),
        found.members.get(STATE, b""),
        _state_for(found),
        tuple(text[HISTORY].decode().splitlines()),
        text[JOBS].decode(),
    )

    def end(run: Run) -> None:
        _commit(staged)
        run.console.ok(
            f"restored from {path.name}, made {found.said.get('made', 'at an unknown time')}: {target}"
        )
        handover.commands(
            run.console, [("deploy-cluster", "starts the cluster with its token and its locks")]
        )

    staged = _stage(files)
    try:
        cli.finish(run, (*operation.HOLD, put_back(kept, path.name)), end)
    finally:
        for temporary in staged:
            temporary.unlink(missing_ok=True)


def _state_for(found: Archive) -> str:
    said = found.said.get("state_for", "")
    return said if isinstance(said, str) and "\n" not in said else ""


def _cluster(found: Archive, target: Path, console: Console) -> Cluster:
    """The cluster in the backup, or exit status 2 with every mistake named."""
    try:
        return parse(found.members[HOSTS].decode(), target)
    except UnicodeDecodeError:
        raise Mistake(
            "the hosts file in the backup is not UTF-8", "take another file of fab backup"
        ) from None
    except InventoryError as error:
        for problem in error.problems:
            console.bad(str(problem))
        console.print("nothing was changed")
        raise Exit(code=2) from None


def _agree(console: Console, files: Mapping[Path, bytes], *, force: bool, path: Path) -> None:
    """Asks before a file is replaced by another one; without a terminal that needs --force."""
    differ = []
    for target, data in files.items():
        try:
            if target.exists() and target.read_bytes() != data:
                differ.append(str(target))
        except OSError as error:
            raise Mistake(f"{target} cannot be read: {error.strerror}; nothing was changed", "") from None
    if not differ or force:
        return
    if not consent.can_ask():
        raise Mistake(
            f"{differ[0]} differs from that in {path.name}: nothing was changed",
            "--force replaces it; or name another one with --hosts-file",
        )
    consent.Consent(console, False)(
        [f"{path.name} replaces what differs from it:", *(f"  {one}" for one in differ)], "restore"
    )


def _stage(files: Mapping[Path, bytes]) -> dict[Path, Path]:
    """Each file's new content beside it, or exit status 2 with nothing written. :returns: by temporary path."""
    staged: dict[Path, Path] = {}
    try:
        for target, data in files.items():
            place = target.resolve()
            place.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
            staged[Path(name)] = place
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if place.exists():
                os.chmod(name, place.stat().st_mode & 0o7777)
    except OSError as error:
        for temporary in staged:
            temporary.unlink(missing_ok=True)
        raise Mistake(
            f"{target} cannot be written: {error.strerror}; nothing was changed", "make its folder writable"
        ) from None
    return staged


def _commit(staged: Mapping[Path, Path]) -> None:
    for temporary, place in staged.items():
        os.replace(temporary, place)
