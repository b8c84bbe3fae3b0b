"""The cluster's lock: one holder at a time, a dead one's is taken over, a living one's never."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tasks.node.operations import lock_script, unlock_script
from tasks.runtimes.facts import facts_script
from tests.script import samples
from tests.script.shells import SHELLS, ask, finish, session, spawn

ALICE = "alice@laptop (process 1) since 2026-01-02 03:04:05 CET: deploy-cluster"
BOB = "bob@desk (process 2) since 2026-01-02 03:04:06 CET: stop"


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


@pytest.fixture
def host(shell, tmp_path):
    """Opens sessions on a host; they end with the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(session(shell, tmp_path))


def lock_of(home: Path) -> Path:
    return home / ".rayfab/lab/lock"


def test_one_after_the_other(host, tmp_path):
    alice, bob = host(), host()
    assert alice.ask(lock_script("lab", ALICE)).values == {"locked": "1"}
    assert bob.ask(lock_script("lab", BOB)).values == {"held": ALICE}
    assert alice.ask(unlock_script("lab", ALICE)).ok
    assert not (tmp_path / ".rayfab").exists(), "nothing is left where there was nothing before"
    assert bob.ask(lock_script("lab", BOB)).values == {"locked": "1"}


def test_only_its_holder_gives_it_back(host, tmp_path):
    alice, bob = host(), host()
    alice.ask(lock_script("lab", ALICE))
    for other, holder in ((bob, BOB), (bob, ALICE), (alice, BOB)):
        assert other.ask(unlock_script("lab", holder)).ok
        assert lock_of(tmp_path).is_symlink()
    alice.ask(unlock_script("lab", ALICE))
    assert not lock_of(tmp_path).is_symlink()


def test_files_beside_the_lock_stay(host, tmp_path):
    alice = host()
    alice.ask(lock_script("lab", ALICE))
    (tmp_path / ".rayfab/lab/state.json").write_text("{}")
    alice.ask(unlock_script("lab", ALICE))
    assert [p.name for p in (tmp_path / ".rayfab/lab").iterdir()] == ["state.json"]


def test_a_dead_holders_lock_is_taken_over(host, tmp_path):
    alice, bob = host(), host()
    alice.ask(lock_script("lab", ALICE))
    alice.process.kill()
    alice.process.wait()
    assert bob.ask(lock_script("lab", BOB)).values == {"stale": ALICE, "locked": "1"}
    assert host().ask(lock_script("lab", ALICE)).values == {"held": BOB}
    assert [p.name for p in lock_of(tmp_path).parent.iterdir()] == ["lock"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="start times are read from /proc")
def test_a_process_that_only_has_the_number_is_not_the_holder(shell, tmp_path):
    """Another process got the dead holder's number, or the host was rebooted and numbers began again."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    born = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    lock_of(tmp_path).parent.mkdir(parents=True)

    def left_by(born: str, boot: str) -> dict[str, str]:
        lock_of(tmp_path).unlink(missing_ok=True)
        lock_of(tmp_path).symlink_to(f"{os.getpid()} {born} {boot} {ALICE}")
        return ask(lock_script("lab", BOB), shell, tmp_path).values

    assert left_by(born, boot) == {"held": ALICE}
    assert left_by("1", boot) == {"stale": ALICE, "locked": "1"}
    assert left_by(born, "other-boot") == {"stale": ALICE, "locked": "1"}


@pytest.mark.parametrize("left", [None, "999999999 1 boot alice", "999999999 1", "garbage"])
def test_of_twenty_at_once_one_gets_it(shell, tmp_path, left):
    if left:
        lock_of(tmp_path).parent.mkdir(parents=True)
        lock_of(tmp_path).symlink_to(left)
    started = [spawn(lock_script("lab", f"number {n}"), shell, tmp_path) for n in range(20)]
    answers = [finish(process) for process in started]
    holders = [n for n, answer in enumerate(answers) if "locked" in answer.values]
    assert len(holders) == 1
    said = {answer.values.get("held") for n, answer in enumerate(answers) if n not in holders}
    assert said == {f"number {holders[0]}"}
    assert [p.name for p in lock_of(tmp_path).parent.iterdir()] == ["lock"]


def test_a_claim_that_its_maker_did_not_live_to_use(shell, tmp_path):
    lock_of(tmp_path).parent.mkdir(parents=True)
    lock_of(tmp_path).symlink_to("999999999 1 boot alice")
    lock_of(tmp_path).with_name("lock.999999999.1").symlink_to("999999998 1 boot carol")
    assert ask(lock_script("lab", BOB), shell, tmp_path).values == {"stale": "alice", "locked": "1"}
    assert [p.name for p in lock_of(tmp_path).parent.iterdir()] == ["lock"]


def test_where_no_lock_can_be_made(shell, tmp_path):
    (tmp_path / ".rayfab").write_text("a file in the way")
    answer = ask(lock_script("lab", BOB), shell, tmp_path)
    assert answer.error == f"cannot make {tmp_path}/.rayfab/lab"
    assert answer.hint == "make the home folder writable"


def test_taken_together_with_the_facts(host):
    alice, bob = host(), host()
    first = alice.ask(facts_script(samples.host("head"), "lab", holder=ALICE))
    assert first.values["locked"] == "1" and first.values["uname"]
    start = time.monotonic()
    second = bob.ask(facts_script(samples.host("head"), "lab", holder=BOB))
    assert second.values == {"held": ALICE} and time.monotonic() - start < 5
