"""A bundle: what was put in comes out, and one that is broken is told before anything is done with it."""

from __future__ import annotations

import hashlib
import json

import pytest

from tasks.runtimes.packages import Unavailable
from tasks.runtimes.packages.bundle import Bundle, write
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.lock import Lock


@pytest.fixture
def made(tmp_path):
    """(path of the bundle, files by name)"""
    data = {name: name.encode() * 1000 for name in ("py.conda", "ray.whl", "gpustat.whl", "M.sh", "uv.whl")}
    folder = tmp_path / "files"
    folder.mkdir()
    for name, content in data.items():
        (folder / name).write_bytes(content)

    def item(kind, name):
        content = data[name]
        return Item(
            kind, name, hashlib.sha256(content).hexdigest(), len(content), "https://x.example/" + name
        )

    source = Item("sdist", "gpustat.tar.gz", "0" * 64, 7, "https://x.example/gpustat.tar.gz")
    lock = Lock(
        "linux-64", "3.7.16", "2.7.2", "req", (item("conda", "py.conda"), item("wheel", "ray.whl"), source)
    )
    path = tmp_path / "b.tar"
    tools = {"linux-64": {"conda": item("installer", "M.sh"), "uv": item("tool", "uv.whl")}}
    write(path, [lock], tools, {source.file: item("wheel", "gpustat.whl")}, lambda i: folder / i.file)
    return path, data, lock


def test_an_opened_bundle_has_the_files_that_were_put_in(made):
    path, data, lock = made
    bundle = Bundle.open(path)
    assert bundle.locks == {("conda", "linux-64"): lock}
    assert {i.file for i in bundle.items()} == set(data)
    for item in bundle.items():
        assert bundle.get(item).read_bytes() == data[item.file]


def test_nothing_half_is_left_where_there_is_no_room(made, tmp_path):
    def nowhere(item):
        raise OSError(28, "No space left on device")

    with pytest.raises(Unavailable, match="cannot be written: No space left"):
        write(tmp_path / "c.tar", [made[2]], {}, {}, nowhere)
    assert not [p for p in tmp_path.iterdir() if "c.tar" in p.name]


@pytest.mark.parametrize("keep", [0, 100, 700, 5000, -20000])
def test_one_that_is_cut_off(made, keep):
    path = made[0]
    data = path.read_bytes()
    path.write_bytes(data[:keep])
    with pytest.raises(Unavailable, match=r"not a bundle, or is incomplete|lacks|truncated") as told:
        Bundle.open(path)
    assert told.value.code == 2


def test_one_whose_bytes_were_changed(made):
    path, _data, _ = made
    path.write_bytes(path.read_bytes().replace(b"ray.whl" * 1000, b"bad.whl" * 1000))
    bundle = Bundle.open(path)
    item = next(i for i in bundle.items() if i.file == "ray.whl")
    with pytest.raises(Unavailable, match=r"ray\.whl in the bundle is damaged"):
        bundle.get(item)


def test_what_is_no_bundle(tmp_path):
    with pytest.raises(Unavailable, match="there is no file"):
        Bundle.open(tmp_path / "nothing.tar")
    (tmp_path / "text").write_text(json.dumps({"format": "other"}))
    with pytest.raises(Unavailable, match="is not a bundle"):
        Bundle.open(tmp_path / "text")
