"""The same image on all hosts of one platform, by id or by digest."""

import pytest

from tasks.runtimes.docker.image.state import foreign_platform, mismatches
from tests.script import samples
from tests.script.samples import DOCKER

NAMES = {"head": "head", "one": "worker", "two": "worker"}


def subject(name, *ids, platform="linux/amd64", image="rayproject/ray:2.52.0", **facts):
    of = samples.host("head" if name == "head" else "worker", DOCKER)
    of = of.model_copy(update={"name": name, "docker": of.docker.model_copy(update={"image": image})})
    known = {"image": ids[0] if ids else None, "image_ids": frozenset(ids), "image_platform": platform}
    return samples.subject(host_=of, **{**known, **facts})


class TestSame:
    @pytest.mark.parametrize(
        "subjects",
        [
            [subject("head", "sha256:a"), subject("one", "sha256:a")],
            [subject("head", "sha256:a", "sha256:digest"), subject("one", "sha256:digest")],
            # two that only agree by way of a third
            [subject("head", "sha256:a", "x"), subject("one", "sha256:b", "y"), subject("two", "sha256:c", "x", "y")],
            [subject("head", "sha256:a"), subject("one")],
            [subject("head", "sha256:a"), subject("one", "sha256:b", platform="linux/arm64", arch="aarch64")],
            [subject("head", "sha256:a"), subject("one", "sha256:b", image="own/ray:1")],
        ],
        ids=["id", "digest", "chain", "not there yet", "another platform", "another name"],
    )  # fmt: skip
    def test_equal_or_incomparable_images_agree(self, subjects):
        assert mismatches(subjects) == []

    def test_hosts_with_uv_have_no_image(self):
        uv = samples.subject(
            image="sha256:b", image_ids=frozenset({"sha256:b"}), image_platform="linux/amd64"
        )
        assert mismatches([subject("head", "sha256:a"), uv]) == []


class TestMismatch:
    def test_the_head_s_comes_first_and_the_others_are_odd(self):
        (found,) = mismatches(
            [
                subject("one", "sha256:bb"),
                subject("two", "sha256:bb"),
                subject("head", "sha256:aa", "sha256:dd"),
            ]
        )
        assert found.groups == (("sha256:aa", ("head",)), ("sha256:bb", ("one", "two")))
        assert found.odd == ("one", "two")
        assert found.message == "rayproject/ray:2.52.0 is not the same image on all hosts (linux/amd64)"
        assert found.lines == ["aa on head", "bb on one, two"]
        assert found.hint == (
            "on one, two: docker pull rayproject/ray:2.52.0; or docker.image: rayproject/ray@sha256:dd; "
            "or docker.image_source: seed, which gives them the one of head"
        )

    def test_without_the_head_the_most_come_first(self):
        (found,) = mismatches([subject("a", "1"), subject("b", "2"), subject("c", "2")])
        assert found.odd == ("a",)
        assert "@" not in found.hint

    def test_one_outside_the_limit_counts_with_what_it_runs(self):
        runs_older = subject("one", "sha256:new", state={"image": "sha256:old"}, active=True)
        assert mismatches([subject("head", "sha256:new"), runs_older]) == []
        (found,) = mismatches([subject("head", "sha256:new"), runs_older], {"one"})
        assert found.groups[1] == ("sha256:old", ("one",))

    def test_one_outside_the_limit_that_does_not_run_counts_with_what_it_has(self):
        stopped = subject("one", "sha256:new", state={"image": "sha256:old"}, active=False)
        assert mismatches([subject("head", "sha256:new"), stopped], {"one"}) == []


@pytest.mark.parametrize(
    ("platform", "arch", "odd"),
    [
        ("linux/amd64", "x86_64", False),
        ("linux/arm64", "aarch64", False),
        ("linux/arm64", "arm64", False),
        ("linux/amd64", "aarch64", True),
        ("linux/arm64", "x86_64", True),
        ("", "x86_64", False),
    ],
)
def test_an_image_for_another_architecture_is_reported(platform, arch, odd):
    said = foreign_platform(subject("one", "sha256:a", platform=platform, arch=arch))
    assert bool(said) == odd
