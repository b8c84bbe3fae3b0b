"""What a node is made of: its hash changes exactly when something changes that matters to it."""

from __future__ import annotations

import json
import plistlib

import pytest

from tasks.node import ray, supervisors
from tasks.node.desired import fingerprint
from tasks.plan.systems import multi_node_note
from tasks.runtimes.docker.node import shm_bytes
from tests.script import samples

UV, DOCKER = samples.UV, samples.DOCKER
ONE = "name: one, cpus: 4, gpus: 0, memory: 2gb, resources: {ssd: 1}, labels: {zone: a}"


def hash_of(role: str = "worker", text: str = UV, versions=None, **facts) -> str:
    subject = samples.subject(role, text=text, **facts)
    more = {"versions": versions} if versions else {}
    return samples.desired(subject, **more).hash


def edited(old: str, new: str, text: str = UV) -> str:
    """The hosts file with one thing in it changed."""
    assert text.count(old) == 1
    return text.replace(old, new)


RAY = 'ray: {version: "2.52.0"'

# what touches the worker "one", in both runtimes
MATTERS = {
    "an environment variable": edited(RAY, RAY + ", env: {A: b}"),
    "an argument": edited(RAY, RAY + ", worker_args: [--verbose]"),
    "a port": edited(RAY, RAY + ", ports: {metrics_export: 30000}"),
    "the range of worker ports": edited(RAY, RAY + ", ports: {max_worker: 15000}"),
    "authentication": edited(RAY, RAY + ", auth: none"),
    "cpus": edited("cpus: 4", "cpus: 5"),
    "gpus": edited("gpus: 0", "gpus: 1"),
    "memory": edited("memory: 2gb", "memory: 3gb"),
    "a resource": edited("ssd: 1", "ssd: 2"),
    "a label": edited("zone: a", "zone: b"),
    "the index of Python packages": UV + "mirrors: {pypi: 'https://mirror.lab/simple'}\n",
    "the proxy": UV + "mirrors: {proxy: 'http://proxy.lab:3128'}\n",
    "more certificates": UV + "mirrors: {ca: lab.pem}\n",
    "names without a proxy": edited(RAY, RAY + ", env: {NO_PROXY: a.lab}"),
    "its name": edited("name: one", "name: uno"),
}
DOES_NOT = {
    "another host's settings": edited(
        "name: two}", "name: two, cpus: 2, labels: {b: c}, ray: {env: {A: b}}}"
    ),
    "the head's arguments": edited(RAY, RAY + ", head_args: [--verbose]"),
    "the dashboard's port": edited(RAY, RAY + ", dashboard_port: 9000"),
    "how the host is reached": edited("host: 10.0.0.2", "host: alias, user: me, port: 2222"),
    "the order of labels and resources": edited(ONE, ONE.replace("cpus: 4, gpus: 0", "gpus: 0, cpus: 4")),
    "a mirror that no job uses": UV + "mirrors: {conda: 'https://mirror.lab/pkgs'}\n",
    "the other runtime's settings": UV + "conda: {env: other}\n",
}


class TestHash:
    def test_same_input_same_hash(self):
        assert hash_of() == hash_of()

    @pytest.mark.parametrize("text", MATTERS.values(), ids=MATTERS)
    def test_the_hash_changes_with_what_matters(self, text):
        assert hash_of(text=text) != hash_of()

    @pytest.mark.parametrize("text", MATTERS.values(), ids=MATTERS)
    def test_changes_under_docker_with(self, text):
        docker = text.replace(
            "runtime: uv", "runtime: docker\ndocker: {image: 'rayproject/ray:2.52.0', shm_size: 2gb}"
        )
        assert hash_of(text=docker) != hash_of(text=DOCKER)

    @pytest.mark.parametrize("text", DOES_NOT.values(), ids=DOES_NOT)
    def test_does_not_change_with(self, text):
        assert hash_of(text=text) == hash_of()

    def test_of_the_head_changes_with_its_own_settings_only(self):
        assert hash_of("head", MATTERS["cpus"]) == hash_of("head")
        assert hash_of("head", MATTERS["an argument"]) == hash_of("head")
        assert hash_of("head", DOES_NOT["the head's arguments"]) != hash_of("head")
        assert hash_of("head", DOES_NOT["the dashboard's port"]) != hash_of("head")

    def test_changes_with_what_supervises_the_node(self):
        user = {"uid": 1000, "user": "me"}
        kinds = [{}, {**user, "user_systemd": True}, {**user, "systemd": False}]
        assert len({hash_of(**facts) for facts in kinds}) == 3

    def test_changes_with_the_user_and_the_home(self):
        assert len({hash_of(), hash_of(user="me"), hash_of(home="/home/me")}) == 3

    def test_changes_with_the_environment_that_ray_runs_from(self):
        assert hash_of(versions=samples.versions("ray-2.52.0-py3.11.2-other")) != hash_of()

    def test_changes_with_the_image(self):
        of = [hash_of(text=DOCKER, versions=samples.versions(image=i)) for i in ("sha256:1", "sha256:2")]
        assert of[0] != of[1]

    @pytest.mark.parametrize(
        "docker", ["shm_size: 3gb", "run_args: [--privileged]"], ids=["shm_size", "run_args"]
    )
    def test_changes_with_settings_of_docker(self, docker):
        assert hash_of(text=DOCKER.replace("shm_size: 2gb", docker)) != hash_of(text=DOCKER)

    def test_does_not_change_with_what_else_goes_on_on_the_host(self):
        busy = {
            "clock": 5,
            "ports": frozenset({1}),
            "active": True,
            "state": {"hash": "x"},
            "boot_id": "later",
            "disk_free": {},
            "envs": frozenset({"e"}),
            "pythons": (),
            "default_interface": None,
        }
        assert hash_of(**busy) == hash_of()
        assert hash_of(text=DOCKER, container="c", **busy) == hash_of(text=DOCKER)

    def test_is_on_the_container_that_has_it(self):
        desired = samples.desired(samples.subject(text=DOCKER))
        assert f"rayfab.hash={desired.hash}" in desired.arguments

    def test_a_kernel_that_counts_memory_a_little_differently_after_a_boot_restarts_nothing(self):
        text = DOCKER.replace("shm_size: 2gb", "shm_size: 64gb")
        assert hash_of(text=text, memory=(8 << 30) - 4096) == hash_of(text=text, memory=(8 << 30) - 3 * 4096)


class TestDesired:
    def test_state_is_all_that_the_next_run_compares_with(self):
        desired = samples.desired(samples.subject("head"))
        assert json.loads(json.dumps(desired.state("f1ngerpr1nt", "request"))) == {
            "hash": desired.hash,
            "role": "head",
            "service": "system",
            "ray": "2.52.0",
            "python": "3.11.2",
            "env": samples.versions().env_id,
            "image": "",
            "node_ip": "10.0.0.1",
            "head": "10.0.0.1:6379",
            "token": "f1ngerpr1nt",
            "request": "request",
            "start": desired.start,
        }
        assert desired.start["args"]["--port"] == "6379"

    @pytest.mark.parametrize(
        ("facts", "kind", "files"),
        [
            ({}, "system", {"UNIT_TEXT"}),
            ({"uid": 1000, "sudo": "nopasswd"}, "system", {"UNIT_TEXT"}),
            ({"uid": 1000, "sudo": "password", "user_systemd": True}, "system", {"UNIT_TEXT"}),
            ({"uid": 1000, "sudo": "needs-password", "user_systemd": True}, "user", {"UNIT_TEXT"}),
            ({"uid": 1000, "user_systemd": True}, "user", {"UNIT_TEXT"}),
            ({"uid": 1000}, "loop", {"LOOP_SH"}),
            ({"systemd": False}, "loop", {"LOOP_SH"}),
            ({"systemd": False, "user_systemd": True}, "loop", {"LOOP_SH"}),
        ],
    )
    def test_what_supervises_the_node_and_the_files_of_that(self, facts, kind, files):
        subject = samples.subject(**facts)
        assert supervisors.kind_on(subject.facts) == kind
        desired = samples.desired(subject)
        assert desired.kind == kind
        assert {name for name, text in desired.files.items() if text} == {
            "ENV_SH",
            "START_SH",
            "WATCH_PY",
            "PRUNE_PY",
        } | files
        assert ("User=" in desired.files["UNIT_TEXT"]) is (kind == "system")

    def test_docker_supervises_its_own(self):
        subject = samples.subject(text=DOCKER)
        assert samples.desired(subject).kind == "docker"
        assert samples.desired(subject).files == {}

    @pytest.mark.parametrize(
        ("ray", "auth", "token"),
        [
            ("2.52.0", "", True),
            ("2.51.2", "", False),
            ("2.52.0", ", auth: none", False),
            ("2.60.0", ", auth: token", True),
        ],
    )
    def test_a_token_by_default_where_ray_has_it(self, ray, auth, token):
        subject = samples.subject(text=UV.replace(RAY, RAY + auth))
        assert samples.desired(subject, versions=samples.versions(ray=ray)).token is token


GIB = 1 << 30


@pytest.mark.parametrize(
    ("wanted", "memory", "expected"),
    [
        ("8gb", 64 * GIB, 8 * GIB),
        ("8gb", 10 * GIB, 8 * GIB),
        ("8gb", 8 * GIB, 2432 << 20),
        ("8gb", None, 8 * GIB),
        ("8gb", 100 << 20, 64 << 20),
    ],
)
def test_shared_memory_is_the_recipe_s_where_memory_allows(wanted, memory, expected):
    text = DOCKER.replace("shm_size: 2gb", f"shm_size: {wanted}")
    assert shm_bytes(samples.subject(text=text, memory=memory)) == expected


def test_a_fingerprint_tells_tokens_apart_and_gives_none_away():
    assert fingerprint("5ecret") == fingerprint("5ecret") != fingerprint("0ther")
    assert "5ecret" not in fingerprint("5ecret")
    assert fingerprint("") == ""


MAC = {"system": "Darwin", "home": "/Users/alice", "user": "alice", "uid": 501, "systemd": False}


class TestOnAMac:
    @pytest.mark.parametrize(
        ("sudo", "kind"),
        [("nopasswd", "daemon"), ("password", "daemon"), ("needs-password", "agent"), (None, "agent")],
    )
    def test_launchd_supervises_the_node(self, sudo, kind):
        subject = samples.subject(**MAC, sudo=sudo)
        wanted = samples.desired(subject)
        assert wanted.kind == kind
        job = plistlib.loads(wanted.files["UNIT_TEXT"].encode())
        assert job.get("UserName") == ("alice" if kind == "daemon" else None)
        assert job["ExitTimeOut"] > 30, "Ray's own draining"
        assert not wanted.files["LOOP_SH"]

    def test_a_home_with_signs_of_xml_in_its_name(self):
        home = "/Users/a & <b>"
        wanted = samples.desired(samples.subject(**{**MAC, "home": home}))
        job = plistlib.loads(wanted.files["UNIT_TEXT"].encode())
        assert job["ProgramArguments"][1] == f"{home}/.rayfab/lab/start.sh"


class TestMacOSAndWindowsAmongSeveralNodes:
    def note(self, *systems, runtime="uv", nodes=3):
        text = UV.replace("runtime: uv", f"runtime: {runtime}")
        hosts = [samples.host("worker", text, name=f"n{i}") for i in range(len(systems))]
        found = [samples.subject(host_=h, system=s) for h, s in zip(hosts, systems, strict=True)]
        return multi_node_note(found, nodes)

    def test_is_said_once_with_the_names(self):
        said = self.note("Linux", "Darwin", "Windows")
        assert said.startswith("n1, n2: Ray officially supports multi-node clusters only on Linux")
        assert "your own risk" in said

    def test_is_not_said_where_it_does_not_matter(self):
        assert self.note("Linux", "Linux") == ""
        assert self.note("Darwin", nodes=1) == ""
        assert self.note("Darwin", "Windows", runtime="docker") == "", (
            "there it is Linux in Docker's virtual machine"
        )

    @pytest.mark.parametrize("system", ["Linux", "Darwin", "Windows"])
    def test_ray_gets_the_variable_that_allows_such_a_cluster(self, system):
        got = ray.environment(samples.host(), "2.52.0", system)
        assert got.get("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER") == (None if system == "Linux" else "1")
