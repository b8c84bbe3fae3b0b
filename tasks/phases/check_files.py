"""Check files: before connecting, make sure that the files from which runtimes install are usable."""

from __future__ import annotations

from pathlib import Path

from tasks import runtimes
from tasks.inventory import localfiles
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.step import step

TITLE = "Check the files on this machine"


@step(TITLE)
def check_files(run: Run) -> None:
    """Checks certificates, archives of images, locks and bundles."""
    _check(run, installs=True)


@step(TITLE)
def check_files_to_start(run: Run) -> None:
    """Only checks the files that are needed when nothing is installed."""
    _check(run, installs=False)


def _check(run: Run, *, installs: bool) -> None:
    problems = localfiles.missing_files(run.cluster, installs=installs)
    for problem in problems[:-1]:
        run.console.bad(str(problem))
    if problems:
        raise Stop(str(problems[-1]), "correct the path, or leave the key out", code=2)
    for name in sorted({node.host.mirrors.ca for node in run.every() if node.host.mirrors.ca}):
        if b"-----BEGIN CERTIFICATE-----" not in Path(name).expanduser().read_bytes():
            raise Stop(f"mirrors.ca: {name} has no certificate in PEM", "openssl x509 writes one", code=2)
    for runtime in runtimes.NAMES:
        runtimes.steps_by_name(runtime).check(run, installs=installs)
