"""What a host needs, for each way in which it can differ from what is wanted."""

from __future__ import annotations

import dataclasses

import pytest

from tasks.plan.changes import Change, change
from tests.render import samples

ENV = samples.versions().env_id
TOKEN = "abc123"


def converged(role: str = "worker", text: str = samples.UV):
    """A host on which everything is as wanted, and what is wanted."""
    subject = samples.subject(role, text=text, envs=frozenset({ENV}), image="sha256:1", active=True)
    desired = samples.desired(subject)
    return with_(subject, state=desired.state(TOKEN, "request")), desired


def left(subject, **state):
    """The same host on which a former deploy left something else."""
    return with_(subject, state={**subject.facts.state, **state})


def with_(subject, **facts):
    """The same host with other facts."""
    return dataclasses.replace(subject, facts=dataclasses.replace(subject.facts, **facts))


INSTALL = f"install Ray 2.52.0 on Python {samples.versions().python}"
OLD = frozenset({"ray-2.51.0-py3.11.2-old"})

# what is different -> what it needs, and how that is said
CASES = {
    "nothing": ({}, {}, (False, False), "as wanted"),
    "a fresh host": (
        {"facts": {"state": None, "active": False, "envs": frozenset()}},
        {},
        (True, True),
        f"{INSTALL}, start the worker",
    ),
    "installed, but never started": (
        {"facts": {"state": None, "active": False}},
        {},
        (False, True),
        "start the worker",
    ),
    "other packages": (
        {"state": {"env": "ray-2.51.0-py3.11.2-old", "hash": "other"}, "facts": {"envs": OLD}},
        {},
        (True, True),
        f"{INSTALL}, restart the worker: its start has changed",
    ),
    "its environment is broken": (
        {"facts": {"envs": frozenset()}},
        {},
        (True, True),
        f"{INSTALL.replace('install', 'mend')}, restart the worker",
    ),
    "another start": (
        {"state": {"hash": "other"}},
        {},
        (False, True),
        "restart the worker: its start has changed",
    ),
    "another start, and it does not run": (
        {"state": {"hash": "other"}, "facts": {"active": False}},
        {},
        (False, True),
        "restart the worker: its start has changed",
    ),
    "it does not run": (
        {"facts": {"active": False}},
        {},
        (False, True),
        "start the worker: it does not run",
    ),
    "another token": ({}, {"token": "other"}, (False, True), "restart: the cluster's token has changed"),
    "the head has no token yet": ({}, {"token": None}, (False, False), "as wanted"),
    "the head starts anew": (
        {},
        {"head_restarts": True},
        (False, True),
        "restart the worker: the head starts anew",
    ),
    "the head starts anew, and its own start has changed": (
        {"state": {"hash": "other"}},
        {"head_restarts": True},
        (False, True),
        "restart the worker: its start has changed",
    ),
}


@pytest.mark.parametrize(("differs", "given", "needs", "said"), CASES.values(), ids=CASES)
def test_a_worker(differs, given, needs, said):
    subject, desired = converged()
    subject = with_(left(subject, **differs.get("state", {})), **differs.get("facts", {}))
    found = change(subject, desired, **{"token": TOKEN, **given})
    assert (found.install, found.start) == needs
    assert str(found) == said
    assert found.any is (needs != (False, False))


def test_a_head_is_named_as_one_and_does_not_restart_for_itself():
    subject, desired = converged("head")
    assert str(change(subject, desired, token=TOKEN, head_restarts=True)) == "as wanted"
    assert (
        str(change(with_(subject, active=False), desired, token=TOKEN)) == "start the head: it does not run"
    )


def test_without_tokens_a_token_changes_nothing():
    text = samples.UV.replace('version: "2.52.0"', 'version: "2.52.0", auth: none')
    subject, desired = converged(text=text)
    assert not desired.token
    assert change(subject, desired, token="other") == Change(False, False, ())


class TestDocker:
    def test_as_wanted(self):
        subject, desired = converged(text=samples.DOCKER)
        assert str(change(subject, desired, token=TOKEN)) == "as wanted"

    def test_environments_do_not_matter(self):
        subject, desired = converged(text=samples.DOCKER)
        assert not change(with_(subject, envs=frozenset()), desired, token=TOKEN).any

    def test_without_the_image(self):
        subject, desired = converged(text=samples.DOCKER)
        found = change(with_(subject, image=None), desired, token=TOKEN)
        assert found == Change(True, True, ("pull rayproject/ray:2.52.0", "restart the worker"))
