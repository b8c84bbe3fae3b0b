"""The words of a container on a bridge: what is published, and what Ray is told."""

from __future__ import annotations

import json
import subprocess

import pytest

from tasks.node import heal
from tasks.runtimes.docker.container import entry
from tasks.script.packed import packed
from tests.script import samples

BRIDGE = samples.DOCKER.replace("docker: {", "docker: {network: bridge, ")


def words(role: str = "worker", text: str = BRIDGE, **facts: object) -> list[str]:
    of = samples.subject(role, text=text, **facts)
    known = samples.versions(image="sha256:abc", image_user="1000:100")
    return list(samples.desired(of, versions=known).arguments)


def after(found: list[str], option: str) -> list[str]:
    return [found[at + 1] for at, word in enumerate(found) if word == option]


def value(found: list[str], option: str) -> str:
    (one,) = [word.partition("=")[2] for word in found if word.startswith(option + "=")]
    return one


class TestPublished:
    def test_a_worker_s_ports_are_the_recipe_s(self):
        assert after(words(), "--publish") == [
            "0.0.0.0:10002-10099:10002-10099",
            "0.0.0.0:20000-20005:20000-20005",
        ]

    def test_the_head_has_gcs_client_and_dashboard_too(self):
        assert after(words("head"), "--publish") == [
            "0.0.0.0:6379:6379",
            "0.0.0.0:10001-10099:10001-10099",
            "0.0.0.0:20000-20007:20000-20007",
            "127.0.0.1:8265:8265",
        ]

    @pytest.mark.parametrize(
        ("listen", "published"),
        [("0.0.0.0", "0.0.0.0"), ("10.0.0.1", "10.0.0.1"), ("localhost", "127.0.0.1"), ("'::'", "[::]")],
    )
    def test_the_dashboard_where_the_file_says(self, listen, published):
        text = BRIDGE.replace("ray: {", f"ray: {{dashboard_host: {listen}, ")
        found = words("head", text)
        assert after(found, "--publish")[-1] == f"{published}:8265:8265"
        # in the container Docker must reach it
        assert value(found, "--dashboard-host") == "0.0.0.0"

    def test_neighbours_are_joined_and_others_are_not(self):
        text = BRIDGE.replace("ray: {", "ray: {ports: {metrics_export: 30000, node_manager: 10100}, ")
        assert after(words(text=text), "--publish") == [
            "0.0.0.0:10002-10100:10002-10100",
            "0.0.0.0:20001-20003:20001-20003",
            "0.0.0.0:20005:20005",
            "0.0.0.0:30000:30000",
        ]


class TestWorkerPorts:
    @pytest.mark.parametrize(
        ("cpus", "high"), [(1, 10099), (49, 10099), (50, 10101), (256, 10513), (None, 10099)]
    )
    def test_follow_the_cpus_of_the_host(self, cpus, high):
        found = words("head", cpus=cpus)
        assert (value(found, "--min-worker-port"), value(found, "--max-worker-port")) == ("10002", str(high))
        assert f"0.0.0.0:10001-{high}:10001-{high}" in found

    def test_follow_the_cpus_that_ray_may_use(self):
        # the file gives the worker 4
        assert value(words(cpus=256), "--max-worker-port") == "10099"

    def test_are_as_the_file_says(self):
        text = BRIDGE.replace("ray: {", "ray: {ports: {min_worker: 11000, max_worker: 11010}, ")
        found = words(text=text, cpus=256)
        assert (value(found, "--min-worker-port"), value(found, "--max-worker-port")) == ("11000", "11010")
        assert "0.0.0.0:11000-11010:11000-11010" in found

    def test_are_ray_s_own_on_the_host_s_network(self):
        found = words(text=samples.DOCKER)
        assert (value(found, "--min-worker-port"), value(found, "--max-worker-port")) == ("10002", "19999")
        assert "--publish" not in found


class TestContainer:
    def test_begins_as_root_and_goes_on_as_the_image_s_user(self):
        found = words()
        assert after(found, "--user") == ["0:0"]
        assert after(found, "--cap-add") == ["NET_ADMIN"]
        at = found.index("sha256:abc")
        assert found[at + 1 : at + 3] == ["python", "-c"]
        assert found[at + 3] == entry()
        published = "10002-10099,20000-20005"
        assert found[at + 4 : at + 8] == ["10.0.0.2", "1000", "100", published]
        # as the image's user, which the program before has changed to
        assert found[at + 8 : at + 10] == ["sh", "-c"], "beside Ray, what keeps its folders small"
        at = found.index(packed(heal.program()))
        assert found[at - 3 : at] == ["python", "-I", "-c"]
        assert found[at + 2 : at + 4] == ["ray", "start"]
        assert found[-1] == "--block"

    def test_has_ray_s_folder_in_the_home_as_in_the_recipe(self):
        assert after(words(), "--volume") == ["/root/tmp/ray:/tmp/ray"]
        assert after(words(text=samples.DOCKER), "--volume") == ["/tmp/ray:/tmp/ray"]

    def test_bears_the_host_s_name(self):
        assert after(words(hostname="lab-7.local"), "--hostname") == ["lab-7.local"]
        assert after(words(hostname="Müllers Mac"), "--hostname") == []

    @pytest.mark.parametrize("system", ["Darwin", "Windows"])
    def test_is_what_auto_means_where_docker_is_in_a_vm(self, system):
        assert "--network=bridge" in words(text=samples.DOCKER, system=system)
        assert "--network=host" in words(text=samples.DOCKER)

    @pytest.mark.parametrize("role", ["head", "worker"])
    def test_has_its_watch_on_windows_too_and_fits_into_a_command_line_there(self, role):
        found = words(role, text=samples.DOCKER, system="Windows", home="C:/Users/me")
        at = found.index(packed(heal.program()))
        told = json.loads(found[at + 1])
        assert (told["heal"], told["head"], told["file"]) == (
            True,
            role == "head",
            "/tmp/ray/rayfab-lab.json",
        )
        assert told["agent"] == f"10.0.0.{1 if role == 'head' else 2}:20005"
        assert found[at + 2 : at + 4] == ["ray", "start"]
        # CreateProcess takes 32,767 characters; the rest is for the program and for no_proxy
        assert len(subprocess.list2cmdline(found)) < 28_000
