"""One Python for the cluster, or a finding for each host that shows at a glance who differs."""

from __future__ import annotations

import pytest

from tasks.node.subject import Finding
from tasks.plan.versions import agree, group
from tasks.runtimes.uv.python import PythonChoice, choose_python
from tests.script import samples

LET_UV = 'uv.python: "3.12.12" (any full version) lets uv install the same one everywhere'
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
        {"kept": "3.11.2"},
        "3.12.1",
    ),
    "the one in use is not what is asked for now": (
        hosts("3.12", a="3.11.2 3.12.1"),
        {"kept": "3.11.2"},
        "3.12.1",
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
        choice = choose_python(subjects, more.pop("ray"), **more)
        assert choice == PythonChoice(expected, {s.name: f"/usr/bin/python{expected}" for s in subjects})

    @pytest.mark.parametrize(
        ("request_", "must_be"), [("3.12.12", None), (None, "3.12.12")], ids=["file", "image"]
    )
    def test_a_full_version_that_a_host_lacks_is_left_to_uv(self, request_, must_be):
        subjects = hosts(request_, a="3.12.12", b="3.11.2", c="")
        choice = choose_python(subjects, None, must_be=must_be)
        assert choice == PythonChoice("3.12.12", {"a": "/usr/bin/python3.12.12", "b": None, "c": None})

    def test_of_two_with_the_same_version_the_first_on_the_path(self):
        subject = samples.subject(
            pythons=(("3.11.2", "/usr/local/bin/python3"), ("3.11.2", "/usr/bin/python3"))
        )
        assert choose_python([subject], None).paths == {"one": "/usr/local/bin/python3"}


class TestNone:
    def test_hosts_without_a_common_python_are_each_reported(self):
        found = choose_python(hosts(a="3.11.2 3.10.12", b="3.12.1", c=""), None)
        why = "no Python patch release is installed on all hosts; this host has "
        assert found == [
            Finding("a", why + "3.10.12, 3.11.2", LET_UV),
            Finding("b", why + "3.12.1", LET_UV),
            Finding("c", why + "none", LET_UV),
        ]

    def test_of_the_requested_minor_version(self):
        found = choose_python(hosts("3.12", a="3.12.1", b="3.11.2"), None)
        assert [f.message for f in found] == [
            "needs Python 3.12.x; this host has 3.12.1",
            "needs Python 3.12.x; this host has 3.11.2",
        ]

    def test_is_of_the_requested_version_though_its_number_begins_alike(self):
        assert [f.name for f in choose_python(hosts("3.1", a="3.10.4 3.11.2"), None)] == ["a"]

    def test_a_host_without_a_python_for_the_requested_ray_is_reported(self):
        assert [f.name for f in choose_python(hosts(a="3.8.10"), "2.60.0")] == ["a"]

    def test_hosts_that_ask_for_different_ones(self):
        found = choose_python([*hosts("3.11", a="3.11.2"), *hosts("3.12", b="3.12.1")], None)
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
    found = choose_python(subjects, None, must_be="3.10.4")
    assert [f.message for f in found] == ["uv.python is 3.12, but the rest of the cluster has Python 3.10.4"]
