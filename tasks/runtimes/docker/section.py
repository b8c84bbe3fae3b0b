"""The section of the hosts file for ``runtime: docker``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from tasks.inventory import types as t
from tasks.inventory.sections import Lacking, LocalFile, RuntimeSection, from_folder
from tasks.inventory.sizes import Size


class Docker(RuntimeSection):
    """For hosts with `runtime: docker`."""

    image: t.Image = Field("rayproject/ray-ml", description="the image; it must contain Ray")
    network: t.Network = Field("auto", description="auto: host on Linux, bridge on macOS and Windows")
    shm_size: t.SizeText = Field(Size("8gb"), description="shared memory for Ray's object store")
    run_args: tuple[t.Text, ...] = Field((), description="passed on to `docker run`")
    install: t.Install = Field(
        "auto",
        description="where a missing Docker Engine comes from on Linux; auto: distro, else docker-ce",
    )
    image_source: t.ImageSource = Field(
        "pull",
        description="seed: one host pulls and the others copy it from there; file: copied from your machine",
    )
    registry_mirror: t.WebUrl | None = Field(
        None, description="mirror of Docker Hub; used for images without a registry in their name"
    )
    registry_user: t.Text | None = Field(
        None, description="user of the image's registry or of the mirror; logged in only while pulling"
    )
    registry_password: t.Password | None = Field(
        None, description="password of that user; same forms as `ssh.password`"
    )

    def at(self, folder: Path) -> Docker:
        kind, colon, path = self.image_source.partition(":")
        if not colon:
            return self
        return self.model_copy(update={"image_source": f"{kind}:{from_folder(path, folder)}"})

    def local_files(self) -> Iterator[LocalFile]:
        kind, _, path = self.image_source.partition(":")
        if kind == "file":
            yield LocalFile("image_source", path, installs=True)

    def lacking(self) -> Iterator[Lacking]:
        if (self.registry_user is None) != (self.registry_password is None):
            written, missing = "registry_user", "registry_password"
            if self.registry_user is None:
                written, missing = missing, written
            yield Lacking(written, missing, f"needs docker.{missing} as well")


SECTION = Docker
STARTER = """\
docker:
  image: rayproject/ray:2.60.0  # must contain Ray; the same version on all hosts
  # shm_size: 8gb
"""
