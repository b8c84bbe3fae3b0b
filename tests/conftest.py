"""What all tests share: nothing of how the suite itself was called gets into what it tests."""

import signal

import pytest

from tasks.report import typed


def pytest_configure() -> None:
    # a suite that a shell has put into the background begins deaf to Ctrl-C, and so would all that it starts
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def called_as_fab(monkeypatch):
    """`./fab test` tells its children that they were called ./fab; texts are compared as `fab` says them."""
    monkeypatch.delenv("RAYFAB_PROGRAM", raising=False)
    monkeypatch.delenv("RAY_HOSTS_FILE", raising=False)
    typed.use_hosts_file(None)
