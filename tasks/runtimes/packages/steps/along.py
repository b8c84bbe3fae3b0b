"""What `fab bundle` adds to the files for hosts: this program for its operators, and images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks import runtimes
from tasks.report.console import Board
from tasks.report.typed import as_typed
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.runtimes.packages import operators, tool
from tasks.runtimes.packages.along import Along
from tasks.runtimes.packages.lock import Lock

MEGA = 1_000_000


@dataclass(frozen=True)
class Wanted:
    """What the user asks for.

    :param version: of this program.
    :param operators: the platforms of the operators' machines.
    :param images: archives of images.
    """

    version: str
    operators: Sequence[str] = ()
    images: Sequence[Path] = ()


def images(wanted: Wanted) -> dict[Path, list[tuple[str, str]]]:
    """The images in each archive; checked before anything is connected.

    :raises Stop: one of them is not an archive with a name in it.
    """
    out = {}
    for path in wanted.images:
        found = [one for name in runtimes.NAMES for one in runtimes.steps_by_name(name).images_in(path)]
        if not found:
            raise Stop(f"--image: {path} names no image", "docker save -o FILE NAME:TAG names it", code=2)
        if path.name in {other.name for other in out}:
            raise Stop(f"--image: two files are called {path.name}", "rename one of them", code=2)
        out[path] = found
    return out


def choose(run: Run, wanted: Wanted, board: Board, locks: Sequence[Lock]) -> Along:
    """Chooses what goes along, and says what does not.

    :param locks: what hosts install: builds of Python in them serve the operator as well.
    :raises Unavailable: the package index does not have the wheels.
    """
    found = Along(wanted.version)
    for path, holds in images(wanted).items():
        found.images[path] = _sum(path, board), holds
    if wanted.operators and (files := tool.own_files()):
        board.step("this program", f"choosing its packages for {', '.join(wanted.operators)}")
        # the solver of channels is needed only where packages come from channels
        found.requirements = tool.requirements(with_added=any(lock.of("conda") for lock in locks))
        found.sets = operators.choose(run.cluster.head, found.requirements, wanted.operators)
        found.pythons = operators.pythons(found.sets, locks)
        found.files |= files | _own(run)
    return found


def _sum(path: Path, board: Board) -> str:
    """The SHA-256 of an image's archive, which may have gigabytes."""
    digest, done, size = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while data := file.read(MEGA):
            digest.update(data)
            done += len(data)
            board.step("images", f"reading {path.name}, {done // MEGA} of {size // MEGA} MB")
    return digest.hexdigest()


def say_lacking(run: Run, found: Along) -> None:
    """Says which images hosts need that are not in the bundle."""
    there = {one for _, holds in found.images.values() for one in holds}
    for name in runtimes.NAMES:
        for image in runtimes.steps_by_name(name).lacking_images(run, there):
            run.console.note(f"not in the bundle: the image {image}")
            run.console.print(as_typed("  → docker save -o FILE IMAGE, and fab bundle --image FILE"))


def _own(run: Run) -> dict[str, Path | bytes]:
    """The user's hosts file and the files that it names, unless a secret is in it; says what is left out."""
    along, secrets, stays = tool.hosts_files(run.cluster)
    if secrets:
        run.console.note(
            f"the hosts file is not in the bundle: it has a secret in plain text ({', '.join(secrets)})"
        )
        run.console.print("  → write {env: NAME} or {prompt: true} there, or copy the file yourself")
    if stays:
        run.console.note(f"not in the bundle, as the hosts file names it elsewhere: {', '.join(stays)}")
    return along
