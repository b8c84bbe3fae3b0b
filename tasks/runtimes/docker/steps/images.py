"""Images: get the same image onto each Docker host before versions are chosen, since the image determines them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tasks.report.console import Board
from tasks.run.failures import Failure, HostFailed, Stop
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import step
from tasks.runtimes.docker.facts import docker_of, image_of, with_image
from tasks.runtimes.docker.image.scripts import image_script
from tasks.runtimes.docker.image.state import foreign_platform, mismatches, short
from tasks.runtimes.docker.steps import image_file
from tasks.runtimes.docker.steps.image_file import Archive
from tasks.runtimes.docker.steps.seed import HandOn, lacking, seed_of
from tasks.runtimes.packages.part import Part
from tasks.ssh import Answer

TIMEOUT = 4 * 3600.0
MEGA = 1_000_000


@step("See who has the image")
def find_images(run: Run) -> None:
    """An image that differs from the archive's or the seed's counts as missing, even if it has the right name."""
    archives: dict[Known, Archive] = {}
    if nodes := _from_file(run):
        with run.console.phase("Read the archive", 1) as board:
            for node in nodes:
                board.step(image_file.source_of(run, node).name, "reading what is in it")
                try:
                    archives[node] = image_file.read_for(run, node)
                except HostFailed as failed:
                    run.fail(node, failed.failure)
                    board.fail(node.name, failed.failure.message, failed.failure.hint)
    _forget(
        run, [node for node, archive in archives.items() if not docker_of(node.facts).image_ids & archive.ids]
    )
    for takers in _seeded(run):
        seed = seed_of(run, takers)
        if seed is not None and docker_of(seed.facts).image:
            _forget(run, lacking(seed, takers))


@step("Get images", changes=True)
def get_images(run: Run) -> None:
    by_file: dict[Part, list[Known]] = {}
    for node in _from_file(run):
        if docker_of(node.facts).image is None:
            by_file.setdefault(image_file.source_of(run, node), []).append(node)
    for nodes in by_file.values():
        _carry(run, nodes)
    for takers in _seeded(run):
        _seed(run, takers)
    # the hosts without the image, and those whose image's versions are not known yet
    run.each("Get images", [node for node in containers(run) if _unknown(node)], partial(_pull, run))
    if failure := run.failure(run.head()):
        raise Stop("the head has no image, so nothing was started", failure.hint)


@step("Compare images")
def compare_images(run: Run) -> None:
    """Checks that hosts of one platform have the same image under one name, also those outside ``--limit``."""
    nodes = {node.name: node for node in run.living(Known)}
    others = {name for name, node in nodes.items() if not run.may_change(node)}
    found = mismatches([node.subject for node in nodes.values()], others)
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


def containers(run: Run) -> list[Known]:
    """The hosts with Docker that this run may change."""
    return [node for node in run.chosen(Known) if node.host.runtime == "docker"]


def _from_file(run: Run) -> list[Known]:
    return [node for node in containers(run) if image_file.source_of(run, node)]


def _seeded(run: Run) -> list[list[Known]]:
    """Groups of hosts that take their image from another host, by image and architecture."""
    kinds: dict[tuple[str, str], list[Known]] = {}
    for node in containers(run):
        if image_file.source_of(run, node):
            continue
        # Windows hosts pull the image themselves
        if node.host.docker.image_source == "seed" and node.facts.system != "Windows":
            kinds.setdefault((image_of(node.subject), node.facts.arch), []).append(node)
    return list(kinds.values())


def _unknown(node: Known) -> bool:
    docker = docker_of(node.facts)
    return docker.versions is None or docker.image is None


def _pull(run: Run, node: Known, board: Board) -> None:
    script = image_script(node.host, run.cluster.name, node.facts.arch, sudo=node.sudo)
    answer = run.ask(node, script, board, timeout=TIMEOUT, RF_REGISTRY=node.passwords.registry)
    _arrived(run, node, answer, "pulled the image")


def _arrived(run: Run, node: Known, answer: Answer, how: str) -> Known:
    """Records that the host has the image, and the versions that it reported."""
    facts = with_image(node.facts, answer.texts["image"][0], answer.values.get("image_versions", ""))
    node = replace(node, facts=facts)
    run.put(node)
    if answer.values.get("changed") == "1":
        run.did(node, how)
    if odd := foreign_platform(node.subject):
        run.console.note(f"{node.name}: {odd}")
    return node


def _forget(run: Run, nodes: Sequence[Known]) -> None:
    """Marks these hosts as lacking the image: theirs has the right name, but is another image."""
    for node in nodes:
        run.put(replace(node, facts=with_image(node.facts, "")))


def _carry(run: Run, nodes: Sequence[Known]) -> None:
    """Copies the image from this machine's archive; all these hosts get the same file."""
    archive = image_file.read_for(run, nodes[0])
    with tempfile.TemporaryDirectory(prefix="rayfab-image-") as folder:
        with run.console.phase("Prepare the image", 1) as board:

            def on_bytes(done: int) -> None:
                board.step(archive.file.name, f"compressing, {done // MEGA} of {archive.raw // MEGA} MB")

            pieces = image_file.cut(archive, Path(folder), on_bytes)

        def one(node: Known, board: Board) -> None:
            answer = image_file.carry(run, node, board, archive, pieces)
            node = _arrived(run, node, answer, "copied the image there")
            docker = docker_of(node.facts)
            if not docker.image_ids & archive.ids:
                why = f"a different image arrived: {docker.image}, not {archive.id}"
                raise HostFailed(
                    Failure(
                        why,
                        "does something else load images there? docker image ls; if not, please report this",
                    )
                )

        run.each("Copy the image", nodes, one)


def _seed(run: Run, takers: Sequence[Known]) -> None:
    """Gets the image onto one host, unless one has it; the others copy it from there."""
    seed = seed_of(run, takers)
    while seed is not None and not docker_of(seed.facts).image:
        run.each("Get the image once", [seed], partial(_pull, run))
        seed = seed_of(run, takers)
    if seed is None:
        return
    wanting = lacking(seed, [run.now(node) for node in takers if not run.failure(node)])
    if wanting:
        _forget(run, wanting)
        HandOn(run, seed, _pull, _arrived).to([run.now(node) for node in wanting])
