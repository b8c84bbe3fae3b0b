"""An archive of `docker save`: what is in it, told without Docker, and the pieces in which it travels."""

import gzip
import hashlib
import io
import json
import random
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from tasks.phases import operation
from tasks.run.failures import Stop
from tasks.runtimes.docker.image.names import content
from tasks.runtimes.docker.steps import image_file
from tasks.runtimes.packages.along import Image
from tasks.runtimes.packages.part import Part

CONFIG = {"architecture": "amd64", "created": "2026-01-02T03:04:05Z", "rootfs": {"diff_ids": ["sha256:l1"]}}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return out.getvalue()


def saved(tag="rayproject/ray:2.52.0", **config) -> dict[str, bytes]:
    """The files of a `docker save` by Docker's own store; its index stands at the end."""
    about = json.dumps({**CONFIG, **config}).encode()
    name = f"{digest(about)}.json"
    layer = random.Random(1).randbytes(40 << 20)
    entry = {"Config": name, "RepoTags": [tag] if tag else None, "Layers": ["l1/layer.tar"]}
    return {"l1/layer.tar": layer, name: about, "manifest.json": json.dumps([entry]).encode()}


@pytest.fixture(autouse=True)
def forget():
    image_file.read.cache_clear()


@pytest.fixture
def write(tmp_path):
    def write(data: bytes, name="image.tar"):
        (tmp_path / name).write_bytes(data)
        return Part(tmp_path / name)

    return write


NAME = "docker.io/rayproject/ray:2.52.0"


class TestRead:
    @pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["tar", "tar.gz"])
    def test_id_and_architecture(self, write, pack):
        about = json.dumps(CONFIG).encode()
        data = tar(saved())
        found = image_file.read(write(pack(data)), NAME)
        assert found.id == f"sha256:{digest(about)}"
        assert found.ids == {found.id, content(CONFIG["created"], ["sha256:l1"])}
        assert (found.machine, found.packed) == ("amd64", pack is not bytes)
        assert found.raw <= len(data)

    def test_a_layout_of_oci(self, write):
        about = json.dumps(CONFIG).encode()
        manifest = json.dumps({"config": {"digest": f"sha256:{digest(about)}"}}).encode()
        index = {"manifests": [{"digest": f"sha256:{digest(manifest)}"}]}
        files = {
            f"blobs/sha256/{digest(about)}": about,
            f"blobs/sha256/{digest(manifest)}": manifest,
            "index.json": json.dumps(index).encode(),
        }
        found = image_file.read(write(tar(files)), NAME)
        assert {f"sha256:{digest(about)}", f"sha256:{digest(manifest)}"} < found.ids

    def test_of_several_the_one_that_is_named(self, write):
        one, two = saved(tag="other:1"), saved(created="2020-01-01T00:00:00Z")
        entries = json.loads(one["manifest.json"]) + json.loads(two["manifest.json"])
        path = write(tar({**one, **two, "manifest.json": json.dumps(entries).encode()}))
        assert image_file.read(path, NAME).id.endswith(entries[1]["Config"].removesuffix(".json"))
        with pytest.raises(Stop, match="holds several images: other:1, rayproject/ray"):
            image_file.read(path, "docker.io/library/third:1")

    @pytest.mark.parametrize(
        "files", [{}, {"a.txt": b"x"}, {"manifest.json": b"[]"}, {"manifest.json": b"{"}]
    )
    def test_an_archive_without_an_image_is_refused(self, write, files):
        with pytest.raises(Stop, match="is not an image archive"):
            image_file.read(write(tar(files)), NAME)

    def test_a_truncated_archive_is_refused(self, write):
        with pytest.raises(Stop, match="is not an image archive"):
            image_file.read(write(gzip.compress(tar(saved()))[:-1000]), NAME)


class TestHolds:
    """The names in an archive, with the architecture of each image."""

    def test_those_of_docker_save(self, write):
        one, two = saved(tag="other:1", architecture="arm64"), saved()
        entries = json.loads(one["manifest.json"]) + json.loads(two["manifest.json"])
        path = write(tar({**one, **two, "manifest.json": json.dumps(entries).encode()}))
        assert image_file.holds(path) == [("docker.io/library/other:1", "aarch64"), (NAME, "x86_64")]

    def test_those_of_a_layout_of_oci(self, write):
        about = json.dumps(CONFIG).encode()
        manifest = json.dumps({"config": {"digest": f"sha256:{digest(about)}"}}).encode()
        named = {"digest": f"sha256:{digest(manifest)}", "annotations": {"io.containerd.image.name": NAME}}
        files = {
            f"blobs/sha256/{digest(about)}": about,
            f"blobs/sha256/{digest(manifest)}": manifest,
            "index.json": json.dumps({"manifests": [named, {"digest": "sha256:0"}]}).encode(),
        }
        assert image_file.holds(write(tar(files))) == [(NAME, "x86_64")]

    def test_none(self, write):
        assert image_file.holds(write(tar(saved(tag="")))) == []
        with pytest.raises(Stop, match="is not an image archive"):
            image_file.holds(write(b"text"))


class TestSource:
    """Where a host's image comes from when there is a bundle."""

    @staticmethod
    def source(arch, image="rayproject/ray:2.52.0", source="pull", runtime="docker", bundle=True):
        x86, arm = (Image(Part(Path(f"{m}.tar")), frozenset({(NAME, m)})) for m in ("x86_64", "aarch64"))
        arm = Image(arm.file, frozenset({(f"{NAME}-aarch64", "aarch64")}))
        learned = SimpleNamespace(bundle=SimpleNamespace(images=(x86, arm)) if bundle else None)
        host = SimpleNamespace(docker=SimpleNamespace(image=image, image_source=source), runtime=runtime)
        facts = SimpleNamespace(arch=arch)
        node = SimpleNamespace(host=host, facts=facts, subject=SimpleNamespace(host=host, facts=facts))
        return image_file.source_of(SimpleNamespace(learned=learned), node)

    def test_the_bundle_s_archive_for_its_architecture(self):
        assert self.source("x86_64").name == "x86_64.tar"
        assert self.source("arm64").name == "aarch64.tar"
        assert self.source("x86_64", source="seed").name == "x86_64.tar"

    def test_the_hosts_file_s_own_archive_comes_first(self):
        assert self.source("x86_64", source="file:own.tar").name == "own.tar"

    @pytest.mark.parametrize("more", [{"image": "other:1"}, {"runtime": "uv"}, {"bundle": False}])
    def test_else_it_comes_from_elsewhere(self, more):
        assert self.source("x86_64", **more) is None


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["tar", "tar.gz"])
def test_the_pieces_together_are_the_archive(write, tmp_path, pack):
    data = tar(saved())
    archive = image_file.read(write(pack(data)), NAME)
    seen = []
    pieces = image_file.cut(archive, tmp_path, seen.append)
    assert len(pieces.list) > 1
    assert seen == sorted(seen) != []
    whole = b""
    for number, (name, size) in enumerate(pieces.list):
        piece = pieces.get(number)
        assert (digest(piece), len(piece)) == (name, size)
        whole += piece
    assert gzip.decompress(whole) == data
    # the same pieces the next time, or nothing could be taken up
    assert image_file.cut(archive, tmp_path, seen.append).list == pieces.list


class TestBeforeConnecting:
    @staticmethod
    def deploy(fleet, source, image="rayproject/ray:2.52.0"):
        docker = f"runtime: docker\ndocker: {{image: '{image}', image_source: '{source}'}}"
        fleet.edit("cluster: lab", f"cluster: lab\n{docker}")
        return fleet.operate(operation.DEPLOY)

    def test_a_missing_file(self, fleet, world):
        assert self.deploy(fleet, "file:none.tar") == 2
        assert f"there is no file {fleet.path.parent}/none.tar" in fleet.out
        assert world.connections == []

    def test_a_file_that_is_no_archive_is_refused(self, fleet, world):
        (fleet.path.parent / "text.tar").write_text("no archive\n" * 100)
        assert self.deploy(fleet, "file:text.tar") == 2
        assert "text.tar is not an image archive" in fleet.out
        assert world.connections == []

    def test_a_folder_is_refused(self, fleet, world):
        (fleet.path.parent / "folder.tar").mkdir()
        assert self.deploy(fleet, "file:folder.tar") == 2
        assert "folder.tar is a folder, not a file" in fleet.out

    def test_a_digest_that_no_archive_tells(self, fleet, world):
        (fleet.path.parent / "image.tar").write_bytes(tar({"a": b""}))
        assert self.deploy(fleet, "file:image.tar", "rayproject/ray@sha256:" + "0" * 64) == 2
        assert "an archive does not contain the digest" in fleet.out
