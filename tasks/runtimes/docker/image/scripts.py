"""The scripts that bring an image to a host: pulled, carried there in pieces, or taken from another host."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from tasks.inventory import Host
from tasks.node.names import IDLE_SECONDS, basics
from tasks.node.platforms import X86
from tasks.runtimes.docker.image import names
from tasks.script import files
from tasks.script.script import Script, Value, render

Piece = tuple[str, int]  # SHA-256 and size in bytes


def image_values(host: Host) -> dict[str, Value]:
    """The image's names, of which the host picks the one for its own architecture."""
    image = host.docker.image
    return {
        "IMAGE": image,
        "IMAGE_ARM": names.arm_name(image),
        "LOCAL_TAG": names.local_tag(image),
    }


def _script(title: str, body: str, host: Host, cluster: str, sudo: bool, **more) -> Script:
    secrets = (*(("RF_SUDO",) if sudo else ()), *more.pop("secrets", ()))
    return render(title, body, {**basics(cluster), **image_values(host), **more}, secrets=secrets)


def image_script(host: Host, cluster: str, arch: str = X86, *, sudo: bool = False) -> Script:
    """The image, pulled where it is not there, and the versions that it holds.

    :param arch: the host's, as its facts have it.
    """
    docker = host.docker
    image = names.for_arch(docker.image, arch)
    pulled = names.at_mirror(image, docker.registry_mirror) or image
    name = names.parse(pulled)
    values = {
        "PULL_NAME": pulled,
        "PULL_REPO": names.plain(pulled),
        "PULL_VERSION": name.version,
        "REGISTRY": "Docker Hub" if name.on_hub else name.registry,
        "LOGIN": "" if name.on_hub else name.registry,
        "REGISTRY_USER": docker.registry_user,
    }
    secrets = ("RF_REGISTRY",) if docker.registry_user else ()
    return _script(
        "get the image",
        "docker_install",
        host,
        cluster,
        sudo,
        secrets=secrets,
        **values,
    )


def cut_script(host: Host, cluster: str, *, sudo: bool = False) -> Script:
    """On the seed: the image as compressed pieces. The answer's texts: ``piece`` ("sum size"), ``raw`` (bytes)."""
    return _script("cut the image into pieces", "image_cut", host, cluster, sudo, CUT=_driver("cut"))


def serve_script(
    host: Host, cluster: str, address: str, ports: Sequence[int], *, sudo: bool = False
) -> Script:
    """On a host that has all pieces: serves them; the answer holds the ``port``.

    :param ports: tried in this order before a free one is taken.
    """
    more = {
        "ADDRESS": address,
        "PORTS": " ".join(map(str, [*ports, 0])),
        "IDLE": IDLE_SECONDS,
        "SERVE": _driver("serve"),
        "secrets": ("RF_SEED",),
    }
    return _script("serve the image to the others", "image_serve", host, cluster, sudo, **more)


def pieces_script(
    host: Host, cluster: str, pieces: Sequence[Piece], raw: int, *, sudo: bool = False
) -> Script:
    """Before pieces are carried: says which are there (``have``); fails where there is no room.

    :param raw: bytes of the whole image, not compressed.
    """
    more = {"RAW_BYTES": raw, "LIST": _list(pieces)}
    return _script("look for pieces of the image", "image_pieces", host, cluster, sudo, **more)


def fetch_script(
    host: Host,
    cluster: str,
    pieces: Sequence[Piece],
    raw: int,
    *,
    source: tuple[str, str, int] | None = None,
    want: str = "",
    keep: bool = False,
    sudo: bool = False,
) -> Script:
    """The image out of its pieces, and the versions that it holds.

    The answer holds ``no_source`` where they cannot be had from there.

    :param source: name, address and port of who serves them; None: they have been carried here.
    :param want: the id that the image has where it comes from.
    :param keep: leave the pieces there, to be served on.
    """
    name, address, port = source or ("", "", 0)
    more = {
        "RAW_BYTES": raw,
        "PACKED_BYTES": sum(size for _, size in pieces),
        "LIST": _list(pieces),
        "WHENCE": f"taking {host.docker.image} from {name}" if name else f"loading {host.docker.image}",
        "ADDRESS": address,
        "URL_HOST": f"[{address}]" if ":" in address else address,
        "PORT": port,
        "WANT_ID": want,
        "KEEP": keep,
        "secrets": ("RF_SEED",) if source else (),
    }
    title = f"take the image from {name}" if name else "load the image"
    return _script(title, "image_fetch", host, cluster, sudo, **more)


def clean_script(cluster: str, *, sudo: bool = False) -> Script:
    """Ends the serving; what was needed for it is removed."""
    return render(
        "clean up after the image", "image_clean", basics(cluster), secrets=("RF_SUDO",) if sudo else ()
    )


def _list(pieces: Sequence[Piece]) -> str:
    return "\n".join(f"{name} {size}" for name, size in pieces)


@cache
def _driver(name: str) -> str:
    return files.text("drivers", name)
