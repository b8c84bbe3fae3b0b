"""What a host needs, for each way in which it can differ from what the hosts file says."""

from __future__ import annotations

import dataclasses

import pytest

from tasks.plan.changes import NONE, Change, change
from tests.script import samples

ENV = samples.versions().env_id
TOKEN = "abc123"
PYTHON = samples.versions().python


def converged(role: str = "worker", text: str = samples.UV):
    """A host on which everything is up to date, and the node that it should be."""
    subject = samples.subject(role, text=text, envs=frozenset({ENV}), image="sha256:1", active=True)
    desired = samples.desired(subject)
    return with_(subject, state=desired.state(TOKEN, "request")), desired


def left(subject, **state):
    """The same host on which a former deploy left something else."""
    return with_(subject, state={**subject.facts.state, **state})


with_ = samples.with_facts


OLD = frozenset({"ray-2.51.0-py3.11.2-old"})

# what is different -> what it needs, and how that is reported
CASES = {
    "nothing": ({}, {}, (False, False), "up to date"),
    "a fresh host": (
        {"facts": {"state": None, "active": False, "envs": frozenset()}},
        {},
        (True, True),
        f"install Ray, start (Ray 2.52.0; Python {PYTHON})",
    ),
    "installed, but never started": (
        {"facts": {"state": None, "active": False}},
        {},
        (False, True),
        "start",
    ),
    "another Ray": (
        {
            "state": {"env": "ray-2.51.0-py3.11.2-old", "ray": "2.51.0", "hash": "other"},
            "facts": {"envs": OLD},
        },
        {},
        (True, True),
        "install Ray, restart (Ray 2.51.0 -> 2.52.0)",
    ),
    "another Python": (
        {
            "state": {"env": "ray-2.52.0-py3.11.1-old", "python": "3.11.1", "hash": "other"},
            "facts": {"envs": OLD},
        },
        {},
        (True, True),
        f"install Ray, restart (Python 3.11.1 -> {PYTHON})",
    ),
    "other packages": (
        {"state": {"env": "ray-2.52.0-py3.11.2-old"}, "facts": {"envs": OLD}},
        {},
        (True, True),
        "install Ray, restart (packages)",
    ),
    "its environment is broken": (
        {"facts": {"envs": frozenset()}},
        {},
        (True, False),
        "repair Ray",
    ),
    "its environment is broken on Windows, which cannot replace what runs": (
        {"facts": {"envs": frozenset(), "system": "Windows"}},
        {},
        (True, True),
        "repair Ray, restart",
    ),
    "its environment is broken, and it has stopped": (
        {"facts": {"envs": frozenset(), "active": False}},
        {},
        (True, True),
        "repair Ray, start (not running)",
    ),
    "another start, of a deploy that remembered nothing": (
        {"state": {"hash": "other", "start": None}},
        {},
        (False, True),
        "restart (start command changed)",
    ),
    "another start, in what is not remembered": (
        {"state": {"hash": "other"}},
        {},
        (False, True),
        "restart (start command changed)",
    ),
    "another start, and it is not running": (
        {"state": {"hash": "other", "service": "user"}, "facts": {"active": False}},
        {},
        (False, True),
        "start (service user -> system; not running)",
    ),
    "it was the head": (
        {"state": {"hash": "other", "role": "head"}},
        {},
        (False, True),
        "restart (head -> worker)",
    ),
    "it is not running": ({"facts": {"active": False}}, {}, (False, True), "start (not running)"),
    "another token": ({}, {"token": "other"}, (False, True), "restart (the cluster's token has changed)"),
    "the head has no token yet": ({}, {"token": None}, (False, False), "up to date"),
    "the head restarts": ({}, {"head_restarts": True}, (False, True), "restart (the head restarts)"),
    "the head restarts, and its own start has changed": (
        {"state": {"hash": "other"}},
        {"head_restarts": True},
        (False, True),
        "restart (start command changed)",
    ),
}


@pytest.mark.parametrize(("differs", "given", "needs", "said"), CASES.values(), ids=CASES)
def test_a_difference_leads_to_the_change_it_needs(differs, given, needs, said):
    subject, desired = converged()
    subject = with_(left(subject, **differs.get("state", {})), **differs.get("facts", {}))
    found = change(subject, desired, **{"token": TOKEN, **given})
    assert (found.install, found.start) == needs
    assert str(found) == said
    assert found.any is (needs != (False, False))


def test_a_head_does_not_restart_for_itself():
    subject, desired = converged("head")
    assert change(subject, desired, token=TOKEN, head_restarts=True) == NONE
    assert str(change(with_(subject, active=False), desired, token=TOKEN)) == "start (not running)"


def test_without_tokens_a_token_changes_nothing():
    text = samples.UV.replace('version: "2.52.0"', 'version: "2.52.0", auth: none')
    subject, desired = converged(text=text)
    assert not desired.token
    assert change(subject, desired, token="other") == NONE


def test_a_restart_that_is_requested_happens_without_a_difference():
    assert str(NONE.with_restart()) == "restart"
    assert Change(False, True, ("start",)).with_restart() == Change(False, True, ("start",))


WORKER = """
cluster: lab
%s
ray: {version: "2.52.0"}
head: {host: 10.0.0.1, name: head}
workers:
  - {host: 10.0.0.2, name: one, %s}
"""
IN_DOCKER = "runtime: docker\ndocker: {image: 'rayproject/ray:2.52.0'}"


class TestNamed:
    """What has changed in a start is named, and never with a value that could be a secret."""

    @staticmethod
    def between(before: str, now: str, runtime: str = "runtime: uv") -> str:
        subject, _ = converged(text=WORKER % (runtime, before))
        other, desired = converged(text=WORKER % (runtime, now))
        return str(change(with_(other, state=subject.facts.state), desired, token=TOKEN))

    @pytest.mark.parametrize(
        ("before", "now", "said"),
        [
            ("cpus: 4", "cpus: 8", "--num-cpus 4 -> 8"),
            ("user: root", "cpus: 8", "--num-cpus added"),
            ("gpus: 1", "user: root", "--num-gpus removed"),
            ("labels: {zone: a}", "labels: {zone: b}", "--labels zone=a -> zone=b"),
            (
                "resources: {a_very_long_resource_name: 1}",
                "resources: {a_very_long_resource_name: 2}",
                "--resources changed",
            ),
            ("ray: {env: {KEY: old-secret}}", "ray: {env: {KEY: new-secret}}", "env KEY changed"),
            ("ray: {env: {A: x, B: y}}", "ray: {env: {B: y, C: z}}", "env A removed; env C added"),
            (
                "ray: {worker_args: [--redis-password, old-secret]}",
                "ray: {worker_args: ['--redis-password=new-secret', --verbose]}",
                "--redis-password changed; --verbose added",
            ),
        ],
    )
    def test_a_changed_option_of_a_service_is_named(self, before, now, said):
        assert self.between(before, now) == f"restart ({said})"

    @pytest.mark.parametrize(
        ("before", "now", "said"),
        [
            (
                "docker: {shm_size: 1gb}",
                "docker: {shm_size: 2gb}",
                "docker --shm-size 1073741824 -> 2147483648",
            ),
            (
                "docker: {run_args: [-e, A=old-secret]}",
                "docker: {run_args: [-e, A=new-secret]}",
                "docker -e changed",
            ),
            ("ray: {env: {KEY: old-secret}}", "ray: {env: {KEY: new-secret}}", "env KEY changed"),
        ],
    )
    def test_a_changed_option_of_a_container_is_named(self, before, now, said):
        assert self.between(before, now, IN_DOCKER) == f"restart ({said})"

    def test_of_a_container_that_goes_to_a_bridge(self):
        said = self.between("docker: {network: host}", "docker: {network: bridge}", IN_DOCKER)
        assert said.startswith("restart (network host -> bridge; ")

    def test_nothing_of_a_secret_is_remembered(self):
        text = WORKER % ("runtime: uv", "ray: {env: {KEY: s3cret}, worker_args: [--p=s3cret]}")
        _, desired = converged(text=text)
        assert "s3cret" not in repr(desired.start)
        assert "KEY" in desired.start["env"]
        assert "--p" in desired.start["user_args"]


class TestDocker:
    def test_up_to_date(self):
        subject, desired = converged(text=samples.DOCKER)
        assert change(subject, desired, token=TOKEN) == NONE

    def test_environments_do_not_matter(self):
        subject, desired = converged(text=samples.DOCKER)
        assert not change(with_(subject, envs=frozenset()), desired, token=TOKEN).any

    def test_a_missing_image_is_pulled(self):
        subject, desired = converged(text=samples.DOCKER)
        found = change(with_(subject, image=None), desired, token=TOKEN)
        assert (found.install, str(found)) == (True, "pull the image, restart (rayproject/ray:2.52.0)")

    def test_another_image_is_a_restart_that_names_both(self):
        subject, desired = converged(text=samples.DOCKER)
        start = {**desired.start, "image": "rayproject/ray:2.51.0"}
        old = left(subject, hash="other", start=start, ray="2.51.0", image="sha256:" + "1" * 64)
        found = change(old, desired, token=TOKEN)
        assert (
            str(found)
            == "restart (Ray 2.51.0 -> 2.52.0; image rayproject/ray:2.51.0 -> rayproject/ray:2.52.0)"
        )

    def test_another_image_under_the_same_name(self):
        subject, desired = converged(text=samples.DOCKER)
        versions = dataclasses.replace(desired.versions, image="sha256:" + "2" * 64)
        desired = dataclasses.replace(desired, versions=versions)
        old = left(subject, hash="other", image="sha256:" + "1" * 64)
        assert str(change(old, desired, token=TOKEN)) == f"restart (image {'1' * 12} -> {'2' * 12})"
