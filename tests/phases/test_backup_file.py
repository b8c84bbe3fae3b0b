"""The file of `fab backup`: what was written is read, and what was not is refused."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

import pytest

from tasks.actions import archive
from tasks.actions.archive import Archive, Broken

MEMBERS = {"hosts.yml": b"head: a\n", "token": b"5ecret", "files/0": b"a lock"}
PATHS = {"files/0": "locks/lab.lock"}


def tar(path, members, **manifest):
    """A file as somebody else might make it; ``manifest`` replaces parts of the right one."""
    sums = {n: {"sha256": hashlib.sha256(d).hexdigest(), "size": len(d)} for n, d in members.items()}
    said = {"format": 1, "cluster": "lab", "files": sums, "paths": PATHS, **manifest}
    with tarfile.open(path, "w") as out:
        for name, data in {"manifest.json": json.dumps(said).encode(), **members}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return path


def refusal(path) -> str:
    with pytest.raises(Broken) as found:
        archive.read(path)
    return str(found.value)


def test_there_and_back(tmp_path):
    path = tmp_path / "lab.tar"
    archive.write(path, Archive({"cluster": "lab", "made": "today"}, MEMBERS, PATHS))
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
    found = archive.read(path)
    assert (dict(found.members), dict(found.paths)) == (MEMBERS, PATHS)
    assert found.said["format"] == 1 and found.said["made"] == "today"


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "lab.tar"
    path.write_text("old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError):
        archive.write(path, Archive({}, MEMBERS, PATHS))
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_tar_as_it_should_be(tmp_path):
    assert archive.read(tar(tmp_path / "t", MEMBERS)).members == MEMBERS


@pytest.mark.parametrize("size", [0, 1, 100, 600, 1500, 3000])
def test_a_part_of_a_file(tmp_path, size):
    path = tar(tmp_path / "t", MEMBERS)
    path.write_bytes(path.read_bytes()[:size])
    assert refusal(path)


def test_every_changed_byte_of_a_member_is_seen(tmp_path):
    path = tar(tmp_path / "t", MEMBERS)
    path.write_bytes(path.read_bytes().replace(b"5ecret", b"Secret"))
    assert refusal(path) == "token differs from its SHA-256"


@pytest.mark.parametrize(
    "name", ["../evil", "files/../../evil", "/etc/passwd", "files/./0", "files\\..\\evil"]
)
def test_a_member_that_leads_out(tmp_path, name):
    assert "leads out of the file" in refusal(tar(tmp_path / "t", {**MEMBERS, name: b"x"}))


@pytest.mark.parametrize("path", ["../evil", "a/../../evil", "/etc/../evil"])
def test_a_path_that_leads_out(tmp_path, path):
    found = refusal(tar(tmp_path / "t", MEMBERS, paths={"files/0": path}))
    assert "leads out of the folder of the hosts file" in found


@pytest.mark.parametrize("path", [None, 3, "", ["a"]])
def test_a_path_that_is_none(tmp_path, path):
    assert "does not say where files/0 belongs" in refusal(
        tar(tmp_path / "t", MEMBERS, paths={"files/0": path})
    )


def test_a_link(tmp_path):
    path = tmp_path / "t"
    with tarfile.open(path, "w") as out:
        info = tarfile.TarInfo("hosts.yml")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        out.addfile(info)
    assert refusal(path) == "hosts.yml is not a plain file"


@pytest.mark.parametrize(
    "members, manifest, why",
    [
        (MEMBERS, {"format": 2}, "its format is 2, and this program reads 1"),
        (MEMBERS, {"format": "x"}, "its manifest.json names no format"),
        (MEMBERS, {"files": {}}, "hosts.yml is not in its manifest"),
        (MEMBERS, {"files": []}, "its manifest.json is not complete"),
        (MEMBERS, {"paths": None}, "its manifest.json is not complete"),
        ({"token": b"x"}, {}, "it has no hosts file"),
        ({**MEMBERS, "other": b"x"}, {}, "other is of no known kind"),
    ],
)
def test_a_manifest_that_does_not_fit(tmp_path, members, manifest, why):
    assert refusal(tar(tmp_path / "t", members, **manifest)) == why


def test_a_member_that_is_missing(tmp_path):
    sums = {n: {"sha256": hashlib.sha256(d).hexdigest()} for n, d in MEMBERS.items()}
    less = {name: data for name, data in MEMBERS.items() if name != "token"}
    assert refusal(tar(tmp_path / "t", less, files=sums)) == "token is missing"


def test_another_tar(tmp_path):
    path = tmp_path / "t"
    with tarfile.open(path, "w") as out:
        out.addfile(tarfile.TarInfo("hosts.yml"), io.BytesIO())
    assert refusal(path) == "it has no manifest.json: this is no file of fab backup"
