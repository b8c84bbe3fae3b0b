"""One Python for the cluster, or a finding for each host that shows at a glance who differs."""

from __future__ import annotations

import pytest

from tasks.node.subject import Finding
from tasks.plan.versions import agree, group
from tasks.runtimes.uv.python import PythonChoice, choose_python
from tests.script import samples

BUILDS = ("3.9.25", "3.10.20", "3.11.18", "3.12.12", "3.12.16", "3.13.18", "3.14.10", "3.15.2")
SAME = "all nodes need the same: choose one image, ray.version and Python for the cluster"


def hosts(request: str | None = None, **pythons: str):
    """``a="3.11.2 3.12.1"``: a host of that name with those interpreters; ``request`` is uv.python."""
    out = []
    for name, versions in pythons.items():
        host = samples.host("worker", name=name)
        host = host.model_copy(update={"uv": host.uv.model_copy(update={"python": request})})
        found = tuple((v, f"/usr/bin/python{v}") for v in versions.split())
        out.append(samples.subject(host_=host, pythons=found))
    return out


def choose(subjects, ray=None, *, builds=BUILDS, **more):
    """``builds``: the versions that can be had for each platform."""
    known = builds if callable(builds) else lambda platform: builds
    return choose_python(subjects, ray, known=known, **more)


def none_asked(platform):
    raise AssertionError("the hosts' own Pythons are enough")


CHOSEN = {
    "the newest that all have": (hosts(a="3.10.4 3.11.2 3.12.1", b="3.11.2 3.10.4"), {}, "3.11.2"),
    "by number, not by letter": (hosts(a="3.9.9 3.10.4"), {}, "3.10.4"),
    "patch versions by number": (hosts(a="3.11.9 3.11.12"), {}, "3.11.12"),
    "what runs today's Ray before what does not": (hosts(a="3.9.20 3.10.1 3.15.0"), {}, "3.10.1"),
    "an old one where there is no other": (hosts(a="3.8.10 3.7.9"), {}, "3.8.10"),
    "too new for Ray": (hosts(a="3.15.0 3.13.1"), {}, "3.13.1"),
    "one that the wanted Ray knows": (hosts(a="3.9.2 3.12.1"), {"ray": "2.60.0"}, "3.12.1"),
    "an old Ray on an old Python": (hosts(a="3.8.10"), {"ray": "2.10.0"}, "3.8.10"),
    "the one in use, though a newer one has come": (
        hosts(a="3.11.2 3.12.1", b="3.11.2 3.12.1"),
        {"kept": "3.11.2"},
        "3.11.2",
    ),
    "the one in use is gone from a host": (
        hosts(a="3.11.2 3.12.1", b="3.12.1"),
        {"kept": "3.11.2", "builds": BUILDS},
        "3.12.1",
    ),
    "the one in use is not what is asked for now": (
        hosts("3.12", a="3.11.2 3.12.1"),
        {"kept": "3.11.2", "builds": BUILDS},
        "3.12.1",
    ),
    "one that the wanted Ray has packages for": (
        hosts(a="3.11.2 3.12.1"),
        {"ray": "2.10.0"},
        "3.11.2",
    ),
    "a requested minor version": (hosts("3.10", a="3.10.4 3.12.1", b="3.10.4 3.12.1"), {}, "3.10.4"),
    "3.1 is not 3.10": (hosts("3.11", a="3.11.2 3.1.12"), {}, "3.11.2"),
    "a requested full version": (hosts("3.10.4", a="3.10.4 3.12.1"), {}, "3.10.4"),
    "the image's version": (hosts(a="3.10.4 3.12.1"), {"must_be": "3.10.4"}, "3.10.4"),
}


class TestChosen:
    @pytest.mark.parametrize(("subjects", "more", "expected"), CHOSEN.values(), ids=CHOSEN)
    def test_the_expected_version_is_chosen(self, subjects, more, expected):
        more = {"ray": None, **more}
        more.setdefault("builds", none_asked)
        choice = choose(subjects, more.pop("ray"), **more)
        assert choice == PythonChoice(expected, {s.name: f"/usr/bin/python{expected}" for s in subjects})

    def test_of_two_with_the_same_version_the_first_on_the_path(self):
        subject = samples.subject(
            pythons=(("3.11.2", "/usr/local/bin/python3"), ("3.11.2", "/usr/bin/python3"))
        )
        assert choose([subject]).paths == {"one": "/usr/local/bin/python3"}


BUILT = {
    "a requested full version": (hosts("3.12.12", a="3.12.12", b="3.11.2", c=""), {}, "3.12.12", "a"),
    "the image's version": (hosts(a="3.12.12", b="3.11.2", c=""), {"must_be": "3.12.12"}, "3.12.12", "a"),
    "a requested full version that is newer than this program": (hosts("3.15.2", a=""), {}, "3.15.2", ""),
    "the newest of a requested minor version": (hosts("3.13", a="3.13.0", b=""), {}, "3.13.18", ""),
    "no host has any": (hosts(a="", b=""), {}, "3.12.16", ""),
    "none is on all": (hosts(a="3.11.2", b="3.10.12"), {}, "3.12.16", ""),
    "one host has it": (hosts(a="3.12.16", b="3.13.1"), {}, "3.12.16", "a"),
    "what is on all does not run that Ray": (hosts(a="3.8.10"), {"ray": "2.60.0"}, "3.12.16", ""),
    "what is on all is not what is asked for": (hosts("3.10", a="3.12.1"), {}, "3.10.20", ""),
    "an old Ray": (hosts(a=""), {"ray": "2.10.0"}, "3.11.18", ""),
    "a Ray that is older still": (
        hosts(a=""),
        {"ray": "2.10.0", "builds": ("3.9.25", "3.12.1")},
        "3.9.25",
        "",
    ),
    "the default has no build": (hosts(a=""), {"builds": ("3.14.10", "3.13.18", "3.10.20")}, "3.10.20", ""),
    "the one in use is a build": (hosts(a="", b=""), {"kept": "3.12.12"}, "3.12.12", ""),
    "the one in use, for a host that is new": (
        hosts(a="3.12.12 3.13.1", b="3.13.1"),
        {"kept": "3.12.12"},
        "3.12.12",
        "a",
    ),
    "the one in use cannot be had any more": (hosts(a="", b=""), {"kept": "3.12.3"}, "3.12.16", ""),
}


class TestBuilds:
    @pytest.mark.parametrize(("subjects", "more", "expected", "own"), BUILT.values(), ids=BUILT)
    def test_hosts_that_lack_the_version_get_a_build(self, subjects, more, expected, own):
        paths = {s.name: f"/usr/bin/python{expected}" if s.name in own else None for s in subjects}
        assert choose(subjects, **more) == PythonChoice(expected, paths)

    def test_it_is_one_that_each_platform_has(self):
        mac = samples.subject(host_=samples.host("worker", name="b"), system="Darwin", arch="arm64")
        there = {"linux-64": ("3.12.16", "3.12.12"), "osx-arm64": ("3.12.12", "3.11.18")}
        assert choose([*hosts(a=""), mac], builds=there.get).version == "3.12.12"


class TestNone:
    def test_of_a_version_of_which_there_is_no_build(self):
        found = choose(hosts("3.9.2", a="3.9.2", b="3.11.2", c=""))
        why = "needs Python 3.9.2; this host has {}, and there is no build of it for x86_64"
        way = "all hosts can get Python 3.9.25: use it for the whole cluster, or install 3.9.2 by hand"
        assert found == [Finding("b", why.format("3.11.2"), way), Finding("c", why.format("none"), way)]

    def test_of_the_image_s_version(self):
        found = choose(hosts(a=""), must_be="3.10.4")
        assert [f.hint.partition(":")[0] for f in found] == ["all hosts can get Python 3.10.20"]

    def test_of_a_requested_minor_version(self):
        found = choose(hosts("3.7", a="3.7.1", b="3.11.2"))
        why = "needs Python 3.7.x; this host has {}, and there is no build of it for x86_64"
        assert [f.message for f in found] == [why.format("3.7.1"), why.format("3.11.2")]

    def test_where_there_are_no_builds_at_all_each_host_is_reported(self):
        found = choose(hosts(a="3.11.2 3.10.12", b="3.12.1", c=""), builds=())
        why = "needs one Python for all hosts; this host has {}, and there is no build of it for x86_64"
        way = "install the same Python on all hosts, or runtime: docker"
        assert found == [
            Finding("a", why.format("3.10.12, 3.11.2"), way),
            Finding("b", why.format("3.12.1"), way),
            Finding("c", why.format("none"), way),
        ]

    def test_on_an_architecture_without_builds_none_is_looked_for(self):
        subject = samples.subject(host_=samples.host("worker", name="a"), arch="riscv64", pythons=())
        assert [f.name for f in choose([subject], builds=none_asked)] == ["a"]

    def test_is_of_the_requested_version_though_its_number_begins_alike(self):
        assert [f.name for f in choose(hosts("3.1", a="3.10.4 3.11.2"))] == ["a"]

    def test_hosts_that_ask_for_different_ones(self):
        found = choose([*hosts("3.11", a="3.11.2"), *hosts("3.12", b="3.12.1")])
        assert found == [
            Finding("a", "uv.python is 3.11", "one version for all hosts"),
            Finding("b", "uv.python is 3.12", "one version for all hosts"),
        ]


class TestAgree:
    def test_equal_versions_agree(self):
        assert agree({"a": ("2.52.0", "3.11.2"), "b": ("2.52.0", "3.11.2")}) == []

    def test_no_hosts_agree(self):
        assert agree({}) == []

    def test_two_versions_of_ray_are_reported_on_every_host(self):
        found = agree({"a": ("2.52.0", "3.11.2"), "b": ("2.51.0", "3.11.2"), "c": ("2.52.0", "3.11.2")})
        has = "; the cluster has 2.52.0 on a, c; 2.51.0 on b"
        assert found == [
            Finding("a", "Ray 2.52.0 here" + has, SAME),
            Finding("b", "Ray 2.51.0 here" + has, SAME),
            Finding("c", "Ray 2.52.0 here" + has, SAME),
        ]

    def test_another_patch_version_of_python_is_another_python(self):
        found = agree({"a": ("2.52.0", "3.11.2"), "b": ("2.52.0", "3.11.3")})
        assert [f.message for f in found] == [
            "Python 3.11.2 here; the cluster has 3.11.2 on a; 3.11.3 on b",
            "Python 3.11.3 here; the cluster has 3.11.2 on a; 3.11.3 on b",
        ]

    def test_ray_and_python_are_reported_separately(self):
        found = agree({"a": ("2.52.0", "3.11.2"), "b": ("2.51.0", "3.12.1")})
        assert [f.message.split()[0] for f in found] == ["Ray", "Ray", "Python", "Python"]

    def test_hosts_are_grouped_by_version(self):
        assert group({"a": "3.11.2", "b": "3.12.1", "c": "3.11.2"}) == "3.11.2 on a, c; 3.12.1 on b"


def test_a_request_that_the_image_does_not_meet_has_its_own_message():
    subjects = hosts("3.12", a="3.10.4 3.12.1")
    found = choose(subjects, must_be="3.10.4")
    assert [f.message for f in found] == ["uv.python is 3.12, but the rest of the cluster has Python 3.10.4"]
