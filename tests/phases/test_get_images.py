"""Images on the way to made-up hosts: who pulls, who takes from whom, and what is compared before anything starts."""

from __future__ import annotations

import pytest

from tasks.inventory import Secret
from tasks.phases import operation
from tasks.run.operate import operate
from tasks.run.stages import Listed, Passwords
from tasks.runtimes.docker.steps import pulled
from tasks.ssh import ConnectionLost
from tests.phases.world import refused, said, value

IMAGE = "rayproject/ray:2.52.0"
DOCKER = """
cluster: lab
runtime: docker
docker: {image: 'rayproject/ray:2.52.0', image_source: SOURCE}
head: {host: 10.0.0.1, name: head}
workers:
  - {host: 10.0.0.2, name: one}
  - {host: 10.0.0.3, name: two}
"""
CUT, SERVE, CLEAN = "cut the image into pieces", "serve the image to the others", "clean up after the image"
GET, TAKE = "get the image", "take the image from head"
PIECE = f"{'0' * 64} 1000"


def about(host, id_="abc"):
    """The host has an image of that id, and has said what is in it."""
    host.image = ("2.52.0", "3.11.2", "1000:1000")
    return said(
        [("changed", "1"), ("image_versions", " ".join(host.image))], {"image": [f"sha256:{id_} linux/amd64"]}
    )


def has(host, id_="abc"):
    host.image = ("2.52.0", "3.11.2", "1000:1000")
    plain = host._facts
    host.replies["gather facts"] = lambda script: changed(plain(script), id_)


def changed(answer, id_):
    answer.texts["image"] = [f"sha256:{id_} linux/amd64"]
    return answer


@pytest.fixture
def hosts(fleet, world):
    fleet.write(DOCKER.replace("SOURCE", "seed"))
    for host in world.hosts.values():
        host.replies |= {
            GET: lambda script, host=host: about(host),
            TAKE: lambda script, host=host: about(host),
            "take the image from one": lambda script, host=host: about(host),
            CUT: said([], {"piece": [PIECE], "raw": ["2000"]}),
            SERVE: said([("port", "19999")]),
            CLEAN: said(),
        }
    return world


def pull(fleet, **more):
    return fleet.operate(operation.PULL_IMAGE, pulled.got, **more)


class TestSeed:
    def test_the_head_pulls_and_the_others_take_it_from_there(self, fleet, hosts):
        assert pull(fleet) == 0
        assert [hosts[n].titles.count(GET) for n in ("head", "one", "two")] == [1, 0, 0]
        assert [hosts[n].titles.count(TAKE) for n in ("head", "one", "two")] == [0, 1, 1]
        assert f"✓ 3 hosts: {IMAGE}" in fleet.out
        assert CLEAN in hosts["head"].titles

    def test_one_that_has_it_is_the_seed(self, fleet, hosts):
        has(hosts["one"])
        assert pull(fleet) == 0
        assert not any(GET in host.titles for host in hosts.hosts.values())
        assert [CUT in hosts[n].titles for n in ("head", "one", "two")] == [False, True, False]
        assert fleet.run.done(fleet.node("head")) == ["took the image from one"]

    def test_where_all_have_it_nothing_is_done(self, fleet, hosts):
        for host in hosts.hosts.values():
            has(host)
        assert pull(fleet) == 0
        assert {tuple(host.titles) for host in hosts.hosts.values()} == {
            ("gather facts", "release the lock"),
            ("gather facts",),
        }

    def test_one_with_another_image_takes_the_seed_s(self, fleet, hosts):
        for name, id_ in (("head", "abc"), ("one", "abc"), ("two", "odd")):
            has(hosts[name], id_)
        assert pull(fleet) == 0
        assert [TAKE in hosts[n].titles for n in ("one", "two")] == [False, True]

    def test_one_that_cannot_reach_it_pulls_with_a_note(self, fleet, hosts):
        why = "cannot fetch from 10.0.0.1 port 19999: Connection refused"
        hosts["two"].replies[TAKE] = said([("no_source", why)])
        assert pull(fleet) == 0
        assert f"! two: {why}; it pulls for itself" in fleet.out
        assert GET in hosts["two"].titles

    def test_a_seed_that_cannot_serve_it(self, fleet, hosts):
        hosts["head"].replies[CUT] = refused("no space for the image")
        assert pull(fleet) == 0
        assert "! head: no space for the image; every host pulls for itself" in fleet.out
        assert all(GET in host.titles for host in hosts.hosts.values())

    def test_a_seed_that_cannot_get_it_is_replaced_by_the_next(self, fleet, hosts):
        hosts["head"].replies[GET] = refused("Docker Hub cannot be reached")
        assert pull(fleet) == 1
        assert hosts["one"].titles.count(GET) == 1
        assert "take the image from one" in hosts["two"].titles

    def test_one_that_fails_does_not_affect_the_others(self, fleet, hosts):
        hosts["two"].replies[TAKE] = ConnectionLost("the connection to two broke")
        assert pull(fleet) == 1
        assert fleet.failure("one") is None
        assert CLEAN in hosts["head"].titles

    def test_the_secret_of_the_address_is_not_in_the_script(self, fleet, hosts):
        pull(fleet, debug=True)
        tokens = {s["RF_SEED"].reveal() for _, s in hosts.secrets_seen if "RF_SEED" in s}
        assert len(tokens) == 1
        assert tokens.pop() not in fleet.out

    def test_the_pieces_list_comes_from_the_seed_over_ssh(self, fleet, hosts):
        seen = []
        hosts["one"].replies[TAKE] = lambda script: seen.append(script) or about(hosts["one"])
        pull(fleet)
        assert value(seen[0], "LIST") == PIECE
        assert (value(seen[0], "ADDRESS"), value(seen[0], "PORT")) == ("10.0.0.1", "19999")
        assert value(seen[0], "WANT_ID") == "sha256:abc"

    def test_a_dry_run_shows_where_it_would_come_from(self, fleet, hosts):
        assert fleet.operate(operation.PREPARE, dry_run=True) == 0
        plans = {str(n.change) for n in fleet.run.every()}
        assert plans == {f"take the image from one host, start ({IMAGE})"}
        assert not any(GET in host.titles for host in hosts.hosts.values())

    def test_a_dry_run_names_the_host_that_differs(self, fleet, hosts):
        for name, id_ in (("head", "abc"), ("one", "abc"), ("two", "odd")):
            has(hosts[name], id_)
        assert fleet.operate(operation.PREPARE, dry_run=True) == 0
        assert [bool(n.change.install) for n in fleet.run.every()] == [False, False, True]


class TestManyHosts:
    def test_those_that_have_it_serve_the_rest(self, fleet, hosts):
        """With one seed for twenty, some take it from others, and nobody is left with a server."""
        fleet.write(
            DOCKER.replace("SOURCE", "seed").partition("workers:")[0]
            + "workers:\n  - {host: '10.0.0.[2-21]', name: 'w[2-21]'}\n"
        )
        for host in hosts.hosts.values():
            every = {
                f"take the image from {h.name}": lambda s, host=host: about(host)
                for h in hosts.hosts.values()
            }
            host.replies |= {
                **every,
                GET: lambda script, host=host: about(host),
                CUT: said([], {"piece": [PIECE], "raw": ["2000"]}),
                SERVE: said([("port", "19999")]),
                CLEAN: said(),
            }
        assert pull(fleet) == 0
        pulled = [h.name for h in hosts.hosts.values() if GET in h.titles]
        assert pulled == ["head"]
        served = {h.name for h in hosts.hosts.values() if SERVE in h.titles}
        cleaned = {h.name for h in hosts.hosts.values() if CLEAN in h.titles}
        assert served <= cleaned


class TestSame:
    @pytest.fixture
    def odd(self, fleet, hosts):
        fleet.write(DOCKER.replace("SOURCE", "pull"))
        for name, id_ in (("head", "abc"), ("one", "abc"), ("two", "odd")):
            has(hosts[name], id_)
        return hosts

    def test_is_refused_before_anything_starts(self, fleet, odd):
        assert fleet.operate(operation.DEPLOY) == 1
        assert f"✗ {IMAGE} is not the same image on all hosts (linux/amd64)" in fleet.out
        assert fleet.lines("    abc on head, one") or "abc on head, one" in fleet.out
        assert "odd on two" in fleet.out
        assert "✗ the hosts do not have the same image; nothing was started" in fleet.out
        assert not any("start" in title for host in odd.hosts.values() for title in host.titles)
        assert fleet.failure("two").message == f"has a different {IMAGE} than head: odd"

    def test_a_host_outside_the_limit_counts(self, fleet, odd):
        assert fleet.operate(operation.PULL_IMAGE, limit=["one"]) == 1
        assert "odd on two" in fleet.out

    def test_a_dry_run_refuses_it_too(self, fleet, odd):
        assert fleet.operate(operation.PREPARE, dry_run=True) == 1
        assert "odd on two" in fleet.out


class TestRegistry:
    def test_the_password_is_sent_with_the_pull_alone(self, fleet, hosts):
        fleet.write(DOCKER.replace("SOURCE", "pull"))
        fleet.world.forget_titles()
        fleet.run = fleet.make()
        for node in fleet.run.every():
            fleet.run.put(Listed(node.host, Passwords(registry=Secret("pa55"))))
        assert operate(fleet.run, operation.PULL_IMAGE) == 0
        with_it = [name for name, secrets in hosts.secrets_seen if "RF_REGISTRY" in secrets]
        assert sorted(with_it) == ["head", "one", "two"]
        assert len(hosts.secrets_seen) > len(with_it)


def test_without_docker_there_is_nothing_to_pull(fleet):
    assert fleet.operate((pulled.need_docker_host, *operation.PULL_IMAGE)) == 2
    assert "no host has runtime: docker" in fleet.out
