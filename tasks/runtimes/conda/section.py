"""The section of the hosts file for ``runtime: conda``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from tasks.inventory import types as t
from tasks.inventory.sections import Lacking, LocalFile, from_folder
from tasks.runtimes.packages.section import PackagesSection


class Conda(PackagesSection):
    """For hosts with `runtime: conda`."""

    python: t.PythonVersion = Field("3.7.7", description="Python of the environment; quote it")
    env: t.CondaEnv = Field("ray", description="name of the environment")
    packages: tuple[t.Argument, ...] = Field(
        ("ray[default]", "tensorflow"), description="packages that are installed in it"
    )
    installer: t.Installer = Field("miniconda", description="used where conda is missing")
    installer_sha256: t.Sha256 | None = Field(
        None, description="required if the installer is a URL or a file"
    )
    channels: tuple[t.Argument, ...] = Field(("defaults",), description="in order of priority")
    accept_terms: t.Flag = Field(False, description="true: you accept the terms of Anaconda's channels")
    prefix: t.RemotePath = Field("~/miniconda3", description="folder for conda where it is missing")

    @property
    def needs_sha256(self) -> bool:
        return self.installer not in ("miniconda", "miniforge")

    @property
    def _is_file(self) -> bool:
        return self.needs_sha256 and "://" not in self.installer

    def local_files(self) -> Iterator[LocalFile]:
        yield from super().local_files()
        if self._is_file:
            yield LocalFile("installer", self.installer, installs=True)

    def at(self, folder: Path) -> Conda:
        own = super().at(folder)
        if self._is_file:
            return own.model_copy(update={"installer": from_folder(self.installer, folder)})
        return own

    def lacking(self) -> Iterator[Lacking]:
        if self.needs_sha256 and not self.installer_sha256:
            message = "a URL or a file needs conda.installer_sha256 as well"
            yield Lacking("installer", "installer_sha256", message)


SECTION = Conda
STARTER = """\
# conda:
#   python: "3.7.7"
#   packages: ["ray[default]", tensorflow]
#   accept_terms: true          # Anaconda's terms for its channels; or use conda-forge:
#   installer: miniforge
#   channels: [conda-forge]
"""
