"""Check files: before connecting, make sure that the files from which runtimes install are usable."""

from __future__ import annotations

from pathlib import Path

from tasks import runtimes
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.step import step

TITLE = "Check the files on this machine"


@step(TITLE)
def check_files(run: Run) -> None:
    """Checks certificates, archives of images, locks and bundles."""
    _check_certificates(run)
    for name in runtimes.NAMES:
        runtimes.steps_by_name(name).check(run, installs=True)


@step(TITLE)
def check_files_to_start(run: Run) -> None:
    """Only checks the files that are needed when nothing is installed."""
    _check_certificates(run)
    for name in runtimes.NAMES:
        runtimes.steps_by_name(name).check(run, installs=False)


def _check_certificates(run: Run) -> None:
    for name in sorted({node.host.mirrors.ca for node in run.every() if node.host.mirrors.ca}):
        try:
            text = Path(name).expanduser().read_bytes()
        except OSError as error:
            raise Stop(
                f"mirrors.ca: {name}: {error.strerror}", "name a file on your machine", code=2
            ) from None
        if b"-----BEGIN CERTIFICATE-----" not in text:
            raise Stop(f"mirrors.ca: {name} has no certificate in PEM", "openssl x509 writes one", code=2)
