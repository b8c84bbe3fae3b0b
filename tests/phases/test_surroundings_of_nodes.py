"""What a start passes on to nodes: the certificates of `mirrors.ca`, and the addresses that need no proxy."""

from __future__ import annotations

import re

import pytest

from tasks.phases import operation
from tests.phases.conftest import THREE

CA = THREE + "mirrors: {ca: lab.pem}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "there is no file"), ("a key", "has no certificate in PEM")],
)
def test_a_file_without_certificates_is_found_before_any_host_is_contacted(fleet, world, text, said):
    if text is not None:
        (fleet.path.parent / "lab.pem").write_text(text)
    fleet.write(CA)
    for steps in (operation.DEPLOY, operation.START):
        assert fleet.operate(steps) == 2
        assert "mirrors.ca" in fleet.out and said in fleet.out
    assert not any(world[name].carried for name in ("head", "one", "two"))


def test_certificates_are_carried_to_each_node_that_starts(fleet, world):
    (fleet.path.parent / "lab.pem").write_text("-----BEGIN CERTIFICATE-----")
    fleet.write(CA)
    assert fleet.operate(operation.DEPLOY) == 0, fleet.out
    assert all("authorities.pem" in world[name].carried for name in ("head", "one", "two"))


def test_each_node_is_told_of_all_the_others(fleet, world):
    scripts = []
    own = world["one"].answer
    world["one"].answer = lambda script: [scripts.append(script), own(script)][1]
    assert fleet.operate(operation.DEPLOY) == 0, fleet.out
    start = next(script for script in scripts if script.startswith("# rayfab: start the worker"))
    (direct,) = re.findall("^DIRECT='?([^'\n]*)", start, re.MULTILINE)
    assert {"localhost", "10.0.0.1", "10.0.0.2", "10.0.0.3"} <= set(direct.split(","))


def test_one_more_worker_restarts_no_other(fleet, world):
    fleet.write(THREE.replace("  - {host: 10.0.0.3, name: two}\n", ""))
    assert fleet.operate(operation.DEPLOY) == 0, fleet.out
    fleet.write(THREE)
    assert fleet.operate(operation.DEPLOY) == 0, fleet.out
    assert fleet.done()[:2] == [[], []]
    assert world["two"].active
