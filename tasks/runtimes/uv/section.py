"""The section of the hosts file for ``runtime: uv``."""

from __future__ import annotations

from pydantic import Field

from tasks.inventory import types as t
from tasks.runtimes.packages.section import PackagesSection


class Uv(PackagesSection):
    """For hosts with `runtime: uv`."""

    python: t.PythonVersion | None = Field(
        None,
        description="Python of the environment; null: the newest that all hosts have, or else a build of 3.12",
    )
    packages: tuple[t.Argument, ...] = Field(
        ("ray[default]",), description="packages that are installed in it"
    )


SECTION = Uv
STARTER = """\
# uv:
#   python: "3.12"              # default: the newest that all hosts have
#   packages: ["ray[default]"]
"""
