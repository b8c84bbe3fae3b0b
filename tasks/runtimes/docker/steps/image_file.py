"""`image_source: file:PATH`: an archive of `docker save`, copied to the hosts in pieces."""

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

PIECE = 8 << 20
SMALL = 4 << 20  # no JSON of an archive is larger
TIMEOUT = 4 * 3600.0


@dataclass(frozen=True)
class Archive:
    """An image in a file.

    :param id: id of the image.
    :param ids: all identities of the image.
    :param machine: the architecture, as Docker names it; empty if the archive does not name one.
    :param packed: whether the file is compressed.
    :param raw: its size without compression, in bytes.
    """

    path: Path
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
    """The archive that a host's image comes from; None if it comes from elsewhere."""
    kind, _, path = node.host.docker.image_source.partition(":")
    return Path(path).expanduser() if kind == "file" and node.host.runtime == "docker" else None


def check_archives(run: Run) -> None:
    """Checks before connecting that every archive exists and is an image archive."""
    for path in sorted({p for n in run.chosen() if (p := path_of(n))}):
        try:
            with tarfile.open(path) as tar:
                tar.next()
        except FileNotFoundError:
            raise Stop(
                f"docker.image_source: there is no file {path}", "docker save -o writes one", code=2
            ) from None
        except OSError as error:
            if isinstance(error, tarfile.TarError) or error.strerror is None:
                raise _no_archive(path) from None
            raise Stop(f"docker.image_source: {path}: {error.strerror}", code=2) from None
        except (tarfile.TarError, EOFError, ValueError, zlib.error):
            raise _no_archive(path) from None
    for node in run.chosen():
        if path_of(node) and (digest := parse(node.host.docker.image).digest):
            hint = "name the image by a tag; what arrives is checked against the archive"
            raise Stop(f"docker.image: an archive does not contain the digest {digest[:19]}…", hint, code=2)


def _no_archive(path: Path) -> Stop:
    return Stop(f"docker.image_source: {path} is not an image archive", "docker save -o writes one", code=2)


@lru_cache(maxsize=8)
def read(path: Path, image: str) -> Archive:
    """Reads the whole archive, since its index may be at the end.

    :param image: the name to look for if it contains several images.
    """
    small: dict[str, bytes] = {}
    raw = 0
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                raw += 512 + (member.size + 511) // 512 * 512
                if member.isfile() and member.size <= SMALL and _may_tell(member.name):
                    small[member.name.removeprefix("./")] = tar.extractfile(member).read()
        config, manifests = _config(small, image, path)
    except (tarfile.TarError, EOFError, ValueError, KeyError, IndexError, TypeError, zlib.error):
        raise _no_archive(path) from None
    about = json.loads(config)
    id_ = _digest(config)
    ids = {id_, *manifests, content(about.get("created", ""), about["rootfs"]["diff_ids"])}
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return Archive(path, id_, frozenset(ids), about.get("architecture", ""), packed, raw)


def _may_tell(name: str) -> bool:
    return name.endswith(".json") or "blobs/" in name


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _config(small: dict[str, bytes], image: str, path: Path) -> tuple[bytes, list[str]]:
    """The image's configuration, and the digests of its manifests."""
    manifests = [d["digest"] for d in _descriptors(small)]
    if "manifest.json" in small:
        entries: list[dict[str, Any]] = json.loads(small["manifest.json"])
        named = [e for e in entries if image in [_full(t) for t in e.get("RepoTags") or ()]]
        if len(entries) > 1 and len(named) != 1:
            tags = ", ".join(t for e in entries for t in e.get("RepoTags") or ())
            raise Stop(f"{path} holds several images: {tags}", "docker.image names one of them", code=2)
        return small[(named or entries)[0]["Config"]], manifests
    manifest = json.loads(small[_blob(manifests[0])])
    return small[_blob(manifest["config"]["digest"])], manifests


def _descriptors(small: dict[str, bytes]) -> Iterator[dict[str, Any]]:
    return iter(json.loads(small.get("index.json", b"{}")).get("manifests", ()))


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _full(tag: str) -> str:
    return "{0.registry}/{0.path}:{0.tag}".format(parse(tag))


def read_for(node: Known) -> Archive:
    """The archive of one host; raises HostFailed if it is for another architecture."""
    archive = read(path_of(node), _full(image_of(node.subject)))
    if archive.machine and machine(archive.machine) != machine(node.facts.arch):
        why = f"{archive.path.name} holds an image for {archive.machine}, and this host is {node.facts.arch}"
        raise HostFailed(Failure(why, "docker: {image_source: file:...} of that host names another archive"))
    return archive


def cut(archive: Archive, folder: Path, on_bytes: Callable[[int], None]) -> Pieces:
    """Slices of the file if it is compressed; otherwise compressed pieces in ``folder``."""
    if archive.packed:
        return _slices(archive.path, on_bytes)
    made: list[Piece] = []
    with ThreadPoolExecutor(8) as pool, archive.path.open("rb") as file:
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


def _slices(path: Path, on_bytes: Callable[[int], None]) -> Pieces:
    made: list[Piece] = []
    with path.open("rb") as file:
        while data := file.read(PIECE):
            made.append((hashlib.sha256(data).hexdigest(), len(data)))
            on_bytes(len(made) * PIECE)

    def get(n: int) -> bytes:
        with path.open("rb") as file:
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
            board.step(node.name, f"carrying {archive.path.name}, {done} of {total // 1_000_000} MB")

        run.carry(node, pieces.get(number), f"{place}/{name}", on_bytes=on_bytes, timeout=TIMEOUT)
        there += size
        have.add(name)
    script = fetch_script(*asked, want=archive.id, sudo=node.sudo)
    return run.ask(node, script, board, timeout=TIMEOUT)
