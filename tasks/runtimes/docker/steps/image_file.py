"""`image_source: file:PATH`, or an image in a bundle: an archive of `docker save`, copied to the hosts in pieces."""

from __future__ import annotations

import hashlib
import json
import tarfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from tasks.node.platforms import machine
from tasks.report.console import Board
from tasks.run.failures import Failure, HostFailed, Stop
from tasks.run.run import Run
from tasks.run.stages import Known, Listed
from tasks.runtimes.docker.facts import image_of
from tasks.runtimes.docker.image.names import content, parse
from tasks.runtimes.docker.image.scripts import Piece, fetch_script, pieces_script
from tasks.runtimes.packages.part import Part

PIECE = 8 << 20
SMALL = 4 << 20  # no JSON of an archive is larger
TIMEOUT = 4 * 3600.0
BROKEN = (tarfile.TarError, EOFError, ValueError, KeyError, IndexError, TypeError, zlib.error)


@dataclass(frozen=True)
class Archive:
    """An image in a file.

    :param id: id of the image.
    :param ids: all identities of the image.
    :param machine: the architecture, as Docker names it; empty if the archive does not name one.
    :param packed: whether the file is compressed.
    :param raw: its size without compression, in bytes.
    """

    file: Part
    id: str
    ids: frozenset[str]
    machine: str
    packed: bool
    raw: int


@dataclass
class Pieces:
    """The archive in pieces.

    :param get: returns the bytes of the nth piece.
    """

    list: list[Piece] = field(default_factory=list)
    get: Callable[[int], bytes] = lambda n: b""


def path_of(node: Listed) -> Path | None:
    """The archive that the hosts file names for a host's image; None if it names none."""
    kind, _, path = node.host.docker.image_source.partition(":")
    return Path(path).expanduser() if kind == "file" and node.host.runtime == "docker" else None


def source_of(run: Run, node: Known) -> Part | None:
    """The archive that a host's image comes from: of the hosts file, else of the bundle; None if from elsewhere."""
    if path := path_of(node):
        return Part(path)
    if run.learned.bundle is None or node.host.runtime != "docker":
        return None
    return next((image.file for image in run.learned.bundle.images if wanted(node) in image.holds), None)


def wanted(node: Known) -> tuple[str, str]:
    """The full name of a host's image, and its architecture."""
    return _full(image_of(node.subject)), machine(node.facts.arch)


def check_archives(run: Run) -> None:
    """Checks before connecting that every archive is an image archive."""
    for path in sorted({p for n in run.chosen() if (p := path_of(n))}):
        try:
            with tarfile.open(path) as tar:
                tar.next()
        except (OSError, tarfile.TarError, EOFError, ValueError, zlib.error):
            raise _no_archive(f"docker.image_source: {path}") from None
    for node in run.chosen():
        if path_of(node) and (digest := parse(node.host.docker.image).digest):
            hint = "name the image by a tag; what arrives is checked against the archive"
            raise Stop(f"docker.image: an archive does not contain the digest {digest[:19]}…", hint, code=2)


def _no_archive(where: str) -> Stop:
    return Stop(f"{where} is not an image archive", "docker save -o writes one", code=2)


@lru_cache(maxsize=8)
def read(file: Part, image: str) -> Archive:
    """Reads the whole archive, since its index may be at the end.

    :param image: the name to look for if it contains several images.
    """
    try:
        small, raw = _small_files(file)
        config, manifests = _config(small, image, file)
        about = json.loads(config)
        id_ = _digest(config)
        ids = {id_, *manifests, content(about.get("created", ""), about["rootfs"]["diff_ids"])}
    except BROKEN:
        raise _no_archive(str(file)) from None
    with file.open() as archive:
        packed = archive.read(2) == b"\x1f\x8b"
    return Archive(file, id_, frozenset(ids), about.get("architecture", ""), packed, raw)


def holds(file: Part) -> list[tuple[str, str]]:
    """The full names of the images in an archive, each with its architecture; none if it names none.

    :raises Stop: it is not an image archive.
    """
    try:
        small, _ = _small_files(file)
        return [(_full(name), machine(json.loads(config)["architecture"])) for name, config in _named(small)]
    except OSError as error:
        raise Stop(f"{file}: {error.strerror}", "docker save -o FILE NAME:TAG writes one", code=2) from None
    except BROKEN:
        raise _no_archive(str(file)) from None


def _named(small: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The names in an archive of `docker save`, or in a layout of OCI; each with its image's configuration."""
    if "manifest.json" in small:
        for entry in json.loads(small["manifest.json"]):
            for tag in entry.get("RepoTags") or ():
                yield tag, small[entry["Config"]]
        return
    for one in _descriptors(small):
        about = one.get("annotations", {})
        if name := about.get("io.containerd.image.name") or about.get("org.opencontainers.image.ref.name"):
            manifest = json.loads(small[_blob(one["digest"])])
            yield name, small[_blob(manifest["config"]["digest"])]


def _small_files(file: Part) -> tuple[dict[str, bytes], int]:
    """The files of an archive that tell what is in it, and its size without compression in bytes."""
    small: dict[str, bytes] = {}
    raw = 0
    with file.open() as archive, tarfile.open(fileobj=archive) as tar:
        for member in tar:
            raw += 512 + (member.size + 511) // 512 * 512
            if member.isfile() and member.size <= SMALL and _may_tell(member.name):
                small[member.name.removeprefix("./")] = tar.extractfile(member).read()
    return small, raw


def _may_tell(name: str) -> bool:
    return name.endswith(".json") or "blobs/" in name


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _config(small: dict[str, bytes], image: str, file: Part) -> tuple[bytes, list[str]]:
    """The image's configuration, and the digests of its manifests."""
    manifests = [d["digest"] for d in _descriptors(small)]
    if "manifest.json" in small:
        entries: list[dict[str, Any]] = json.loads(small["manifest.json"])
        named = [e for e in entries if image in [_full(t) for t in e.get("RepoTags") or ()]]
        if len(entries) > 1 and len(named) != 1:
            tags = ", ".join(t for e in entries for t in e.get("RepoTags") or ())
            raise Stop(f"{file} holds several images: {tags}", "docker.image names one of them", code=2)
        return small[(named or entries)[0]["Config"]], manifests
    manifest = json.loads(small[_blob(manifests[0])])
    return small[_blob(manifest["config"]["digest"])], manifests


def _descriptors(small: dict[str, bytes]) -> Iterator[dict[str, Any]]:
    return iter(json.loads(small.get("index.json", b"{}")).get("manifests", ()))


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _full(tag: str) -> str:
    return "{0.registry}/{0.path}:{0.tag}".format(parse(tag))


def read_for(run: Run, node: Known) -> Archive:
    """The archive of one host; raises HostFailed if it is for another architecture."""
    archive = read(source_of(run, node), _full(image_of(node.subject)))
    if archive.machine and machine(archive.machine) != machine(node.facts.arch):
        why = f"{archive.file.name} holds an image for {archive.machine}, and this host is {node.facts.arch}"
        raise HostFailed(Failure(why, "docker: {image_source: file:...} of that host names another archive"))
    return archive


def cut(archive: Archive, folder: Path, on_bytes: Callable[[int], None]) -> Pieces:
    """Slices of the file if it is compressed; otherwise compressed pieces in ``folder``."""
    if archive.packed:
        return _slices(archive.file, on_bytes)
    made: list[Piece] = []
    with ThreadPoolExecutor(8) as pool, archive.file.open() as file:
        waiting, done = [], 0
        while True:
            data = file.read(2 * PIECE)
            if data:
                waiting.append(pool.submit(_press, data, folder))
            while waiting and (not data or len(waiting) > 16):
                made.append(waiting.pop(0).result())
                done += 2 * PIECE
                on_bytes(min(done, archive.raw))
            if not data:
                break
    return Pieces(made, lambda n: (folder / made[n][0]).read_bytes())


def _slices(archive: Part, on_bytes: Callable[[int], None]) -> Pieces:
    made: list[Piece] = []
    with archive.open() as file:
        while data := file.read(PIECE):
            made.append((hashlib.sha256(data).hexdigest(), len(data)))
            on_bytes(len(made) * PIECE)

    def get(n: int) -> bytes:
        with archive.open() as file:
            file.seek(n * PIECE)
            return file.read(PIECE)

    return Pieces(made, get)


def _press(data: bytes, folder: Path) -> Piece:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    packed = packer.compress(data) + packer.flush()
    name = hashlib.sha256(packed).hexdigest()
    (folder / name).write_bytes(packed)
    return name, len(packed)


def carry(run: Run, node: Known, board: Board, archive: Archive, pieces: Pieces) -> Any:
    """Copies the missing pieces to one host and loads the image there; returns the script's answer."""
    asked = (node.host, run.cluster.name, pieces.list, archive.raw)
    answer = run.ask(node, pieces_script(*asked, sudo=node.sudo), board, timeout=TIMEOUT)
    have = set(answer.all.get("have", ()))
    place = f"{node.facts.home}/.rayfab/{run.cluster.name}/image.parts"
    total = sum(size for _, size in pieces.list)
    there = sum(size for name, size in pieces.list if name in have)
    for number, (name, size) in enumerate(pieces.list):
        if name in have:
            continue

        def on_bytes(sent: int, _: int, before: int = there) -> None:
            done = (before + sent) // 1_000_000
            board.step(node.name, f"carrying {archive.file.name}, {done} of {total // 1_000_000} MB")

        run.carry(node, pieces.get(number), f"{place}/{name}", on_bytes=on_bytes, timeout=TIMEOUT)
        there += size
        have.add(name)
    script = fetch_script(*asked, want=archive.id, sudo=node.sudo)
    return run.ask(node, script, board, timeout=TIMEOUT)
