"""The section of the hosts file for ``runtime: toy``."""

from __future__ import annotations

from pydantic import Field

from tasks.inventory import types as t
from tasks.inventory.sections import RuntimeSection


class Toy(RuntimeSection):
    """For hosts with `runtime: toy`."""

    folder: t.Text = Field("/opt/toy", description="folder of the environment that has Ray")


SECTION = Toy
STARTER = """\
# toy:
#   folder: /opt/toy
"""
