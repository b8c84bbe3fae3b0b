"""The scripts that get an image onto a host: pulled, copied there in pieces, or taken from another host."""

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
    """The image's names, from which the host selects the one for its own architecture."""
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
    """Pulls the image if it is missing, and reads the versions in it.

    :param arch: the host's architecture, as in its facts.
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
    """Cuts the seed's image into compressed pieces. The answer's texts: ``piece`` ("sum size"), ``raw`` (bytes)."""
    return _script("cut the image into pieces", "image_cut", host, cluster, sudo, CUT=_driver("cut"))


def serve_script(
    host: Host, cluster: str, address: str, ports: Sequence[int], *, sudo: bool = False
) -> Script:
    """Serves the pieces of a host that has all of them; the answer has the ``port``.

    :param ports: tried in this order before any free port.
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
    """Reports the pieces that exist (``have``), before others are copied there; fails if there is no space.

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
    """Loads the image from its pieces, and reads the versions in it.

    The answer has ``no_source`` if the source cannot provide the pieces.

    :param source: name, address and port of the host that serves them; None: they were copied here.
    :param want: the image's id at its source.
    :param keep: keep the pieces, to serve them to other hosts.
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
    """Stops the server, and removes it and the pieces."""
    return render(
        "clean up after the image", "image_clean", basics(cluster), secrets=("RF_SUDO",) if sudo else ()
    )


def _list(pieces: Sequence[Piece]) -> str:
    return "\n".join(f"{name} {size}" for name, size in pieces)


@cache
def _driver(name: str) -> str:
    return files.text("drivers", name)
