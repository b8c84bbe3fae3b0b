"""A step of an operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tasks.run.run import Run


@dataclass(frozen=True)
class Step:
    """One thing that an operation does.

    :param title: shown to the user, such as ``Install Docker``.
    :param work: raises Stop if the operation cannot continue.
    :param changes: whether it may change hosts. A dry run leaves such a step out.
    :param locks: whether it takes the cluster's lock, which is released when the operation ends.
    :param dry_run: the step that replaces it in a dry run; None: nothing does.
    """

    title: str
    work: Callable[[Run], None]
    changes: bool = False
    locks: bool = False
    dry_run: Step | None = None

    def __call__(self, run: Run) -> None:
        self.work(run)


def step(
    title: str, *, changes: bool = False, locks: bool = False, dry_run: Step | None = None
) -> Callable[[Callable[[Run], None]], Step]:
    """Turns a function that takes a run into a :class:`Step`."""
    return lambda work: Step(title, work, changes, locks, dry_run)


def in_dry_run(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps of a dry run."""
    kept = [one.dry_run if one.changes else one for one in steps]
    return tuple(one for one in kept if one is not None)
