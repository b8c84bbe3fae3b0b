"""The jobs of a cluster as its head's journal has them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tasks.node.journal import Entry
from tasks.run.failures import Stop
from tasks.text.wording import nearest


@dataclass
class Found:
    """What the head says. :param problem: why Ray could not be asked; '' if it was."""

    jobs: list[Entry] = field(default_factory=list)
    problem: str = ""

    def job(self, id_: str) -> Entry:
        """:raises Stop: there is none."""
        found = next((one for one in self.jobs if one.id == id_), None)
        if found is None:
            near = nearest(id_, [one.id for one in self.jobs])
            raise Stop(f"there is no job {id_}" + (f"; did you mean {near}?" if near else ""), "fab jobs", 2)
        return found
