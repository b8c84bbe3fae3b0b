"""What the sections of ``runtime: uv`` and ``runtime: conda`` have in common."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import Field

from tasks.inventory import types as t
from tasks.inventory.sections import LocalFile, RuntimeSection, from_folder

Own = TypeVar("Own", bound="PackagesSection")


class PackagesSection(RuntimeSection):
    """Where the packages of an environment come from."""

    package_source: t.PackageSource = Field(
        "pull", description="seed: one host downloads the packages and the others copy them from there"
    )
    lock: t.Text | None = Field(
        None,
        description="file with the version of every package, relative to the hosts file; created if it is missing",
    )

    def local_files(self) -> Iterator[LocalFile]:
        if self.lock:
            yield LocalFile("lock", self.lock, made=True)

    def at(self: Own, folder: Path) -> Own:
        return self.model_copy(update={"lock": from_folder(self.lock, folder)})
