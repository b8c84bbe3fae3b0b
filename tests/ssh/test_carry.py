"""Files carried to a host: whole or not at all."""

import os
import subprocess
from pathlib import Path

import pytest

from tasks.ssh import CarryFailed, Target, connect
from tasks.ssh.carry import COMMAND, Load


@pytest.fixture(params=["ssh", "local"])
def host(request, server, settings):
    target = server.target(key=str(server.key)) if request.param == "ssh" else Target("a", "a", local=True)
    with connect(target, settings) as opened:
        yield opened


ODD = [
    "plain",
    "with space",
    "it's",
    "$(touch x)",
    "`id`",
    "中文",
    "-n",
    "a\nb",
    "*",
    '"q"',
    "\\",
    "~",
    ";",
    "%s",
]


@pytest.mark.parametrize("name", ODD)
def test_file_names_with_special_characters(host, tmp_path, name):
    host.carry(b"content", str(tmp_path / name))
    assert [p.name for p in tmp_path.iterdir() if p.name not in ("ssh_config", "known_hosts")] == [name]
    assert (tmp_path / name).read_bytes() == b"content"
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("size", [0, 1, 32768, 5_000_001])
def test_a_file_of_any_size_arrives_whole(host, tmp_path, size):
    data = os.urandom(size)
    host.carry(data, str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == data


def test_a_file_with_its_progress(host, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(os.urandom(3_000_000))
    seen = []
    host.carry(
        source, str(tmp_path / "deep" / "er" / "file"), mode=0o755, on_bytes=lambda *told: seen.append(told)
    )
    assert (tmp_path / "deep/er/file").read_bytes() == source.read_bytes()
    assert (tmp_path / "deep/er/file").stat().st_mode & 0o777 == 0o755
    assert seen == sorted(seen)
    assert seen[-1] == (3_000_000, 3_000_000)


@pytest.mark.parametrize("path", ["~/rf-put-test", "rf-put-test"])
def test_relative_to_the_home_directory(host, path):
    place = os.path.expanduser("~/rf-put-test")
    try:
        host.carry(b"x", path)
        assert Path(place).read_text() == "x"
    finally:
        os.unlink(place)


def test_an_existing_file_is_replaced(host, tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "file").chmod(0o400)
    host.carry(b"new", str(tmp_path / "file"), mode=0o400)
    assert (tmp_path / "file").read_text() == "new"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o400


def test_a_directory_is_in_the_way(host, tmp_path):
    with pytest.raises(CarryFailed, match="it is a directory"):
        host.carry(b"x", str(tmp_path))


def test_a_directory_that_cannot_be_made(host, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CarryFailed, match=r"file/below"):
        host.carry(b"x", str(tmp_path / "file" / "below"))


def test_a_full_disk_leaves_the_old_file(host, tmp_path):
    (tmp_path / "small").mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path / "small"], check=False
    ).returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        (tmp_path / "small" / "file").write_text("old")
        with pytest.raises(CarryFailed):
            host.carry(b"x" * 4_000_000, str(tmp_path / "small" / "file"))
        assert [p.name for p in (tmp_path / "small").iterdir()] == ["file"]
        assert (tmp_path / "small" / "file").read_text() == "old"
    finally:
        subprocess.run(["umount", tmp_path / "small"], check=True)


def test_a_missing_source_is_reported(host, tmp_path):
    with pytest.raises(CarryFailed, match=r"nothing cannot be read: No such file"):
        host.carry(tmp_path / "nothing", "x")


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh"])
class TestOnTheFarSide:
    """The command by itself, with what the wire may do to it."""

    def put(self, shell, tmp_path, data, cut=None):
        (tmp_path / "file").write_text("old")
        stdin = b"".join(Load.of(data).stdin("MARK", str(tmp_path / "file"), 0o644, None))
        command = COMMAND.replace("exec sh", f"exec {shell}")
        done = subprocess.run(command, shell=True, input=stdin[:cut], capture_output=True, check=False)
        assert [p.name for p in tmp_path.iterdir()] == ["file"]
        return done.stdout.decode(), (tmp_path / "file").read_bytes()

    def test_a_whole_file(self, shell, tmp_path):
        assert self.put(shell, tmp_path, b"new\0") == ("MARK begin\nMARK end 0\n", b"new\0")

    @pytest.mark.parametrize("cut", [-1, -3000])
    def test_a_stream_cut_off_in_the_file(self, shell, tmp_path, cut):
        said, left = self.put(shell, tmp_path, b"z" * 5000, cut)
        assert f"kv error {5000 + cut} of 5000 bytes arrived" in said
        assert left == b"old"

    @pytest.mark.parametrize("cut", [2, 300])
    def test_a_stream_cut_off_in_the_script(self, shell, tmp_path, cut):
        said, left = self.put(shell, tmp_path, b"z", cut)
        assert "end 0" not in said
        assert left == b"old"
