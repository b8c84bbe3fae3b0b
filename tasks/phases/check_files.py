"""Check files: before connecting, make sure that the files from which runtimes install are usable."""

from __future__ import annotations

from tasks import runtimes
from tasks.run.run import Run
from tasks.run.step import step

TITLE = "Check the files on this machine"


@step(TITLE)
def check_files(run: Run) -> None:
    """Checks archives of images, locks and bundles."""
    for name in runtimes.NAMES:
        runtimes.steps_by_name(name).check(run, installs=True)


@step(TITLE)
def check_files_to_start(run: Run) -> None:
    """Only checks the files that are needed when nothing is installed."""
    for name in runtimes.NAMES:
        runtimes.steps_by_name(name).check(run, installs=False)
