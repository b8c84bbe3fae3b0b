"""Fixtures for tests on real hosts. A test that uses `lab`, directly or not, carries the marker `lab`."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.testbed.engine import LabError
from tasks.testbed.host import LabHost
from tasks.testbed.lab import Lab
from tests.lab import hosts as helpers
from tests.standins.conda import mirror

NO_LAB = "the lab cannot run here"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "lab" in getattr(item, "fixturenames", ()):
            item.add_marker("lab")


def pytest_terminal_summary(terminalreporter) -> None:
    skipped = [
        report for report in terminalreporter.stats.get("skipped", []) if NO_LAB in str(report.longrepr)
    ]
    if skipped:
        why = str(skipped[0].longrepr[2]).partition(f"{NO_LAB}: ")[2]
        terminalreporter.section("LAB TESTS DID NOT RUN", red=True, bold=True)
        terminalreporter.line(f"{len(skipped)} skipped, they need real hosts: {why}")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """An empty lab for the whole session; nothing of it is left afterwards."""
    made, why = _try_lab()
    if made is None:
        _cannot(why)
    made.down()  # what a killed session has left
    try:
        yield made
    finally:
        made.down()


def _cannot(why: object) -> None:
    # in CI a lab that does not run is a failure, or nobody would notice
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{NO_LAB}: {why}")


def _try_lab() -> tuple[Lab | None, str]:
    try:
        return helpers.test_lab(), ""
    except LabError as error:
        return None, str(error)


@pytest.fixture(scope="module")
def fresh_hosts(lab: Lab) -> Iterator[Callable[..., list[LabHost]]]:
    """fresh_hosts(count, flavour="docker", networks=("main",)): untouched hosts, removed after the module."""
    booted: list[LabHost] = []

    def boot(count: int, flavour: str = "docker", networks: tuple[str, ...] = ("main",)) -> list[LabHost]:
        hosts = lab.add_hosts([None] * count, flavour, networks)
        booted.extend(hosts)
        return hosts

    yield boot
    for host in booted:
        lab.remove_host(host)


@pytest.fixture(scope="module")
def fresh_host(fresh_hosts: Callable[..., list[LabHost]]) -> Callable[..., LabHost]:
    """fresh_host(flavour="docker", networks=("main",)): one untouched host."""
    return lambda *args, **kwargs: fresh_hosts(1, *args, **kwargs)[0]


@pytest.fixture(scope="module")
def conda_mirror(fresh_host: Callable[..., LabHost]) -> mirror.CondaMirror:
    """A lab host that serves the stand-in's installers and channels; see tests/standins/conda/mirror.py."""
    try:
        mirror.tree()
    except LabError as error:
        _cannot(error)
    return mirror.on_host(fresh_host("python"))


@pytest.fixture
def hosts_file(tmp_path: Path) -> Callable[..., Path]:
    """hosts_file(hosts, runtime="uv", ...): a hosts file for them; see write_hosts_file."""
    return functools.partial(helpers.write_hosts_file, tmp_path)


@pytest.fixture
def fab(tmp_path: Path) -> helpers.Fab:
    """fab("status", hosts_file=...): run it with a home of its own, that lasts for the test; see run_fab."""
    return functools.partial(helpers.run_fab, tmp_path / "home")
