"""Check files: before anything is connected, what runtimes install from is as it must be on this machine."""

from __future__ import annotations

from tasks import runtimes
from tasks.run.run import Run
from tasks.run.step import step

TITLE = "Check the files on this machine"


@step(TITLE)
def check_files(run: Run) -> None:
    """Such as archives of images, locks and bundles."""
    for name in runtimes.NAMES:
        runtimes.steps_by_name(name).check(run, installs=True)


@step(TITLE)
def check_files_to_start(run: Run) -> None:
    """Only what matters where nothing will be installed."""
    for name in runtimes.NAMES:
        runtimes.steps_by_name(name).check(run, installs=False)
