"""Get images: on Docker hosts the image is there, and the same, before anything is decided: it holds the versions."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tasks.report.console import Board
from tasks.run.facts import in_image
from tasks.run.run import Failure, HostFailed, Node, Run, Stop
from tasks.runtimes.docker.facts import docker_of, image_of, with_image
from tasks.runtimes.docker.image.scripts import image_script
from tasks.runtimes.docker.image.state import foreign_platform, mismatches, short
from tasks.runtimes.docker.steps import image_file
from tasks.runtimes.docker.steps.image_file import Archive
from tasks.runtimes.docker.steps.seed import HandOn, lacking, seed_of
from tasks.ssh import Answer

title = "Get images"
TIMEOUT = 4 * 3600.0
MEGA = 1_000_000


def run(run: Run) -> None:
    hosts = [n for n in run.chosen if n.host.runtime == "docker" and n.facts]
    if hosts:
        _from_file(run, [n for n in hosts if image_file.path_of(n)])
        # Windows pulls for itself
        seeded = [n for n in hosts if n.host.docker.image_source == "seed" and n.facts.system != "Windows"]
        _by_seed(run, seeded)
    if run.dry_run:
        same_image(run)
        return
    # the others, and those that have the image and have not said yet what is in it
    run.each(title, [n for n in hosts if n.failure is None and _unknown(n)], partial(_pull, run))
    if run.head.failure is not None:
        raise Stop("the head has no image, so nothing was started", run.head.failure.hint)
    same_image(run)


def _unknown(node: Node) -> bool:
    return node.image_versions is None or docker_of(node.facts).image is None


def _pull(run: Run, node: Node, board: Board) -> None:
    script = image_script(node.host, run.cluster.name, node.facts.arch, sudo=node.sudo)
    answer = run.ask(node, script, board, timeout=TIMEOUT, RF_REGISTRY=node.registry_password)
    _arrived(run, node, answer, "pulled the image")


def _arrived(run: Run, node: Node, answer: Answer, how: str) -> None:
    """The host has the image, and has said what is in it."""
    node.image_versions = in_image(answer)
    node.facts = with_image(node.facts, answer.texts["image"][0])
    if answer.values.get("changed") == "1":
        node.did.append(how)
    if odd := foreign_platform(node.subject):
        run.console.note(f"{node.name}: {odd}")


def _forget(nodes: Sequence[Node]) -> None:
    """What these hosts have under the image's name is not what they shall have."""
    for node in nodes:
        node.facts = with_image(node.facts, "")


def _from_file(run: Run, nodes: Sequence[Node]) -> None:
    archives: dict[Node, Archive] = {}
    if not nodes:
        return
    with run.console.phase("Read the archive", 1) as board:
        for node in nodes:
            board.step(image_file.path_of(node).name, "reading what is in it")
            try:
                archives[node] = image_file.read_for(node)
            except HostFailed as failed:
                run.fail(node, failed.failure)
                board.fail(node.name, failed.failure.message, failed.failure.hint)
    lacking_it = [n for n, a in archives.items() if not docker_of(n.facts).image_ids & a.ids]
    _forget(lacking_it)
    if run.dry_run:
        return
    by_file: dict[Path, list[Node]] = {}
    for node in lacking_it:
        by_file.setdefault(archives[node].path, []).append(node)
    for group in by_file.values():
        _carry(run, group, archives)


def _carry(run: Run, nodes: Sequence[Node], archives: dict[Node, Archive]) -> None:
    archive = archives[nodes[0]]
    with tempfile.TemporaryDirectory(prefix="rayfab-image-") as folder:
        with run.console.phase("Prepare the image", 1) as board:

            def on_bytes(done: int) -> None:
                board.step(archive.path.name, f"compressing, {done // MEGA} of {archive.raw // MEGA} MB")

            pieces = image_file.cut(archive, Path(folder), on_bytes)

        def one(node: Node, board: Board) -> None:
            answer = image_file.carry(run, node, board, archive, pieces)
            _arrived(run, node, answer, "copied the image there")
            if not docker_of(node.facts).image_ids & archive.ids:
                why = f"a different image arrived: {docker_of(node.facts).image}, not {archive.id}"
                raise HostFailed(Failure(why, "run again; if it happens again, please report this"))

        run.each("Copy the image", nodes, one)


def _by_seed(run: Run, nodes: Sequence[Node]) -> None:
    kinds: dict[tuple[str, str], list[Node]] = {}
    for node in nodes:
        kinds.setdefault((image_of(node.subject), node.facts.arch), []).append(node)
    for takers in kinds.values():
        _seed(run, takers)


def _seed(run: Run, takers: Sequence[Node]) -> None:
    seed = seed_of(run, takers)
    if run.dry_run:
        if docker_of(seed.facts).image:
            _forget(lacking(seed, takers))
        return
    while seed is not None and not docker_of(seed.facts).image:
        run.each("Get the image once", [seed], partial(_pull, run))
        seed = seed_of(run, takers)
    if seed is None:
        return
    want = lacking(seed, [n for n in takers if n.failure is None])
    if want:
        _forget(want)
        HandOn(run, seed, _pull, _arrived).to(want)


def same_image(run: Run) -> None:
    """Stops the run where hosts of one platform have different images under one name, those outside --limit too."""
    nodes = {n.name: n for n in run.living if n.facts}
    others = {name for name, node in nodes.items() if node not in run.chosen}
    found = mismatches([n.subject for n in nodes.values()], others)
    for one in found:
        run.console.bad(one.message)
        for line in one.lines:
            run.console.print(f"    {line}")
        for id_, names in one.groups[1:]:
            for name in names:
                why = f"has a different {one.image} than {one.groups[0][1][0]}: {short(id_)}"
                run.fail(nodes[name], Failure(why, one.hint))
    if found:
        raise Stop("the hosts do not have the same image; nothing was started", found[0].hint)
