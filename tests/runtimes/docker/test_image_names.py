"""Names of images, and what an image is known by."""

import pytest

from tasks.runtimes.docker.image.names import (
    arm_name,
    at_mirror,
    content,
    for_arch,
    identities,
    local_tag,
    parse,
    plain,
)

DIGEST = "sha256:" + "1f" * 32


@pytest.mark.parametrize(
    ("image", "registry", "path", "tag", "digest"),
    [
        ("ray", "docker.io", "library/ray", "latest", ""),
        ("rayproject/ray:2.60.0", "docker.io", "rayproject/ray", "2.60.0", ""),
        ("docker.io/rayproject/ray", "docker.io", "rayproject/ray", "latest", ""),
        ("index.docker.io/ray", "docker.io", "library/ray", "latest", ""),
        ("localhost/ray", "localhost", "ray", "latest", ""),
        ("10.0.0.9:5000/ml/ray:x", "10.0.0.9:5000", "ml/ray", "x", ""),
        (f"ghcr.io/a/b/c@{DIGEST}", "ghcr.io", "a/b/c", "", DIGEST),
        (f"rayproject/ray:2.60.0@{DIGEST}", "docker.io", "rayproject/ray", "2.60.0", DIGEST),
    ],
)
def test_a_name_is_split_into_its_parts(image, registry, path, tag, digest):
    found = parse(image)
    assert (found.registry, found.path, found.tag, found.digest) == (registry, path, tag, digest)


def test_version_is_the_digest_before_the_tag():
    assert parse("a/b:c").version == "c"
    assert parse(f"a/b:c@{DIGEST}").version == DIGEST


@pytest.mark.parametrize(
    ("image", "repository"),
    [("10.0.0.9:5000/ray", "10.0.0.9:5000/ray"), ("ray:1", "ray"), (f"a.b:1/c:d@{DIGEST}", "a.b:1/c")],
)
def test_the_plain_name_has_neither_tag_nor_digest(image, repository):
    assert plain(image) == repository


class TestArchitecture:
    @pytest.mark.parametrize("arch", ["aarch64", "arm64"])
    @pytest.mark.parametrize(
        ("image", "arm"),
        [
            ("rayproject/ray:2.60.0-py312", "rayproject/ray:2.60.0-py312-aarch64"),
            ("rayproject/ray", "rayproject/ray:latest-aarch64"),
            ("docker.io/rayproject/ray:nightly", "docker.io/rayproject/ray:nightly-aarch64"),
        ],
    )
    def test_an_image_of_ray_has_a_name_for_arm(self, arch, image, arm):
        assert for_arch(image, arch) == arm_name(image) == arm
        assert for_arch(arm, arch) == arm

    @pytest.mark.parametrize(
        "image",
        [
            "rayproject/ray-ml:2.9.0",
            "rayproject/ray:2.60.0-aarch64",
            f"rayproject/ray@{DIGEST}",
            "ghcr.io/rayproject/ray:2.60.0",
            "debian:12",
        ],
    )
    def test_other_names_are_left_alone(self, image):
        assert for_arch(image, "aarch64") == image
        assert arm_name(image) == ""

    def test_x86_has_the_plain_tag(self):
        assert for_arch("rayproject/ray:2.60.0", "x86_64") == "rayproject/ray:2.60.0"


class TestMirror:
    @pytest.mark.parametrize(
        ("image", "mirror", "name"),
        [
            ("rayproject/ray:2.60.0", "https://mirror.lab", "mirror.lab/rayproject/ray:2.60.0"),
            ("debian", "http://10.0.0.9:5000/", "10.0.0.9:5000/library/debian:latest"),
            ("rayproject/ray:1", "https://nexus.lab/hub", "nexus.lab/hub/rayproject/ray:1"),
            (f"rayproject/ray:1@{DIGEST}", "https://mirror.lab", f"mirror.lab/rayproject/ray@{DIGEST}"),
        ],
    )
    def test_has_it_under_its_own_name(self, image, mirror, name):
        assert at_mirror(image, mirror) == name

    @pytest.mark.parametrize("image", ["ghcr.io/a/b:1", "localhost:5000/a"])
    def test_of_docker_hub_alone(self, image):
        assert at_mirror(image, "https://mirror.lab") == ""

    def test_without_a_mirror_there_is_no_name(self):
        assert at_mirror("ray", None) == ""


def test_a_digest_becomes_a_tag():
    assert local_tag(f"rayproject/ray:2.60.0@{DIGEST}") == f"rayproject/ray:{DIGEST.replace(':', '-')}"
    assert local_tag("rayproject/ray:2.60.0") == ""


class TestIdentities:
    def test_all_that_an_image_is_known_by(self):
        line = f"sha256:id linux/amd64 2026-01-02T03:04:05Z sha256:l1,sha256:l2, a/b@{DIGEST},m.lab/a/b@sha256:2,"
        id_, platform, known = identities(line)
        assert (id_, platform) == ("sha256:id", "linux/amd64")
        mark = content("2026-01-02T03:04:05Z", ["sha256:l1", "sha256:l2"])
        assert known == {"sha256:id", DIGEST, "sha256:2", mark}

    def test_no_digest_and_no_layers(self):
        assert identities("sha256:id linux/amd64 2026 , ") == ("sha256:id", "linux/amd64", {"sha256:id"})
        assert identities("sha256:id linux/amd64")[2] == {"sha256:id"}

    def test_empty_output_gives_no_identity(self):
        assert identities("") == ("", "", frozenset())

    def test_content_differs_by_layers_and_by_date(self):
        assert len({content("1", ["a", "b"]), content("2", ["a", "b"]), content("1", ["b", "a"])}) == 3
