"""What all tests share: nothing of how the suite itself was called gets into what it tests."""

import os
import signal

import pytest

from tasks.report import typed


def pytest_configure() -> None:
    # texts are compared as they are in English, whatever the locale of whoever runs the tests
    os.environ["RAYFAB_LANG"] = "en"
    # a suite that a shell has put into the background begins deaf to Ctrl-C, and so would all that it starts
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class FailuresAtOnce:
    """In CI a failure is shown when it happens: a run that is ended from outside would else show a letter."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self.terminal = terminal
        self.running: set[str] = set()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.running.add(nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.running.discard(nodeid)

    def pytest_keyboard_interrupt(self) -> None:
        for nodeid in sorted(self.running):
            self.terminal.write_line(f"was running: {nodeid}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.terminal.ensure_newline()
            self.terminal.section(f"failed: {report.nodeid} ({report.when}, {report.duration:.0f} s)")
            self.terminal.write_line(report.longreprtext[-6000:])


def pytest_sessionstart(session: pytest.Session) -> None:
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal and os.environ.get("CI"):
        session.config.pluginmanager.register(FailuresAtOnce(terminal))


@pytest.fixture(autouse=True)
def called_as_fab(monkeypatch):
    """`./fab test` tells its children that they were called ./fab; texts are compared as `fab` says them."""
    monkeypatch.delenv("RAYFAB_PROGRAM", raising=False)
    monkeypatch.delenv("RAY_HOSTS_FILE", raising=False)
    typed.use_hosts_file(None)
    typed.use_arguments(["TASK"])
