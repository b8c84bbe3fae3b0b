"""The scripts of the seed, run for real: its Python cuts and serves, every shell and downloader fetches.

Docker is a stand-in, which keeps what it was given to load.
"""

from __future__ import annotations

import gzip
import random
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tasks.runtimes.docker.image import scripts as images
from tasks.script import files
from tests.script import samples
from tests.script.shells import SHELLS, ask, only, tool
from tests.script.standins import DOCKER, ID, Host

WORKER = samples.host("worker", samples.DOCKER)
RAW = random.Random(7).randbytes(40 << 20)
TOKEN = "5ec4e7"
TOOLS = "sed awk grep cat cut tail head date sleep sha256sum wc tr mkdir rm mv chmod df uname sort env"

LOAD = """
case "$*" in
    load)
        cat >"$HOME/loaded"
        if [ -e "$HOME/docker.noload" ]; then echo "write /x: no space left on device" >&2; exit 1; fi
        echo "Loaded image: rayproject/ray:2.52.0"; : >"$HOME/docker.image"; exit ;;
    info*) case $3 in *Root*) echo "$HOME" ;; esac; exit ;;
    tag*) printf '%s\\n' "$*" >>"$HOME/docker.log"; exit ;;
esac
"""


def driver(name: str, folder: Path) -> str:
    return files.text("drivers", name).replace('"/pieces"', repr(str(folder)))


@pytest.fixture(scope="module")
def seed(tmp_path_factory):
    """A folder of pieces and its list."""
    folder = tmp_path_factory.mktemp("seed")
    cut = [sys.executable, "-c", driver("cut", folder)]
    done = subprocess.run(cut, input=RAW, capture_output=True, check=True)
    *lines, raw = done.stdout.decode().splitlines()
    assert raw == f"raw {len(RAW)}"
    assert int(done.stderr.split()[-1]) == len(RAW)
    return folder, [(line.split()[0], int(line.split()[1])) for line in lines]


@pytest.fixture(scope="module")
def serving(seed):
    """The server of the pieces; its port."""
    folder, _ = seed
    (folder / ".token").write_text(TOKEN)
    argv = [sys.executable, "-c", driver("serve", folder), str(folder), "127.0.0.1", "60", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        port = int(server.stdout.readline().split()[1])
        (folder / ".token").unlink()
        for name in (".hidden", "half.part", "whole.whl"):
            (folder / name).write_text("0123456789")
        yield port
        server.kill()


class TestPieces:
    def test_together_they_are_what_was_cut(self, seed):
        folder, pieces = seed
        assert len(pieces) == 3
        assert gzip.decompress(b"".join((folder / name).read_bytes() for name, _ in pieces)) == RAW

    def test_the_server_ends_by_itself(self, tmp_path):
        (tmp_path / ".token").write_text(TOKEN)
        argv = [sys.executable, "-c", driver("serve", tmp_path), str(tmp_path), "127.0.0.1", "0.1", "0"]
        assert subprocess.run(argv, capture_output=True, timeout=30).returncode == 0

    def test_a_port_that_is_taken_is_passed_over(self, serving, tmp_path):
        (tmp_path / ".token").write_text(TOKEN)
        argv = [
            sys.executable,
            "-c",
            driver("serve", tmp_path),
            str(tmp_path),
            "127.0.0.1",
            "0.1",
            str(serving),
            "0",
        ]
        done = subprocess.run(argv, capture_output=True, timeout=30, text=True)
        assert done.stdout.startswith("port ")
        assert done.stdout != f"port {serving}\n"

    @pytest.mark.parametrize(
        "path",
        [
            f"/wrong/{'0' * 64}",
            "/../etc/passwd",
            f"/{TOKEN}/../.hidden",
            f"/{TOKEN}/.hidden",
            f"/{TOKEN}/half.part",
            f"/{TOKEN}/",
            "/",
        ],
    )
    def test_nothing_else_is_served(self, serving, path):
        get = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{serving}{path}')"
        done = subprocess.run([sys.executable, "-c", get], capture_output=True, text=True)
        assert "404" in done.stderr

    @pytest.mark.parametrize(("start", "rest"), [(None, "0123456789"), (0, "0123456789"), (7, "789")])
    def test_a_download_goes_on_where_it_broke_off(self, serving, start, rest):
        wanted = urllib.request.Request(f"http://127.0.0.1:{serving}/{TOKEN}/whole.whl")
        if start is not None:
            wanted.add_header("Range", f"bytes={start}-")
        with urllib.request.urlopen(wanted, timeout=10) as answer:
            assert (answer.status, answer.read().decode()) == (200 if start is None else 206, rest)


@pytest.fixture(params=SHELLS)
def host(request, tmp_path):
    made = Host(request.param, tmp_path)
    made.has("docker", LOAD + DOCKER)
    made.has("id", ID)
    return made


def fetch(host, seed, port, *, getter="", keep=False, pieces=None, raw=1 << 20):
    """Runs the fetching script; getter: the only downloader of that host."""
    source = ("head", "127.0.0.1", port) if port else None
    script = images.fetch_script(WORKER, "lab", pieces or seed[1], raw, source=source, keep=keep)
    if not getter:
        return host.ask(script, secrets={"RF_SEED": TOKEN})
    for name in TOOLS.split():
        (host.bin / name).symlink_to(tool(name))
    if getter != "none":
        if shutil.which(getter.partition("-")[2] or getter) is None:
            pytest.skip(f"{getter} is not on this machine")
        if getter == "busybox-wget":
            host.has("wget", f'exec {tool("busybox")} wget "$@"')
        else:
            (host.bin / getter).symlink_to(tool(getter))
    text = only(script.text)
    return ask(text, host.shell, host.home, path=str(host.bin), secrets={"RF_SEED": TOKEN})


class TestFetch:
    @pytest.mark.parametrize("getter", ["curl", "wget", "python3", "bash", "busybox-wget"])
    def test_by_whatever_is_there(self, host, seed, serving, getter):
        answer = fetch(host, seed, serving, getter=getter)
        assert "no_source" not in answer.values, answer.values
        assert answer.ok, answer.error
        assert gzip.decompress((host.home / "loaded").read_bytes()) == RAW
        assert answer.values["image_versions"] == "2.52.0 3.11.2 1000:1000"
        assert answer.values["fetched"] == str(sum(size for _, size in seed[1]))
        assert not (host.node / "image.parts").exists()
        assert "tag rayproject/ray:2.52.0 rayproject/ray:2.52.0" in host.log("docker")

    def test_what_is_whole_is_not_fetched_again(self, host, seed, serving):
        folder, pieces = seed
        parts = host.node / "image.parts"
        parts.mkdir(parents=True)
        shutil.copy(folder / pieces[0][0], parts)
        (parts / pieces[1][0]).write_bytes(b"half")
        (parts / ("f" * 64)).write_bytes(b"of another image")
        answer = fetch(host, seed, serving)
        assert answer.ok, answer.error
        assert answer.values["fetched"] == str(sum(size for _, size in pieces[1:]))
        assert gzip.decompress((host.home / "loaded").read_bytes()) == RAW

    def test_kept_to_be_served_on(self, host, seed, serving):
        assert fetch(host, seed, serving, keep=True).ok
        assert {p.name for p in (host.node / "image.parts").iterdir()} >= {name for name, _ in seed[1]}

    def test_a_seed_that_does_not_answer_is_no_source(self, host, seed):
        answer = fetch(host, seed, 1)
        assert answer.ok
        assert answer.values["no_source"].startswith("cannot fetch from 127.0.0.1 port 1: ")
        assert not [line for line in host.log("docker") if line.startswith(("tag", "run"))]

    def test_a_changed_piece_is_refused(self, host, seed, serving, tmp_path):
        folder, pieces = seed
        wrong = [("0" * 64, 5), *pieces]
        (folder / ("0" * 64)).write_bytes(b"wrong")
        try:
            answer = fetch(host, seed, serving, pieces=wrong)
        finally:
            (folder / ("0" * 64)).unlink()
        assert "a piece arrived changed, three times" in answer.values["no_source"]
        assert not [line for line in host.log("docker") if line.startswith(("tag", "run"))]

    def test_nothing_to_fetch_with(self, host, seed, serving):
        answer = fetch(host, seed, serving, getter="none")
        assert answer.values["no_source"] == "has neither curl, wget, python3 nor bash to fetch with"

    def test_no_space_is_known_beforehand(self, host, seed, serving):
        answer = fetch(host, seed, serving, raw=1 << 60)
        assert answer.error.startswith("no space for the image rayproject/ray:2.52.0: ")
        assert " MB are needed in " in answer.error
        assert not (host.home / "loaded").exists()

    def test_no_space_while_loading(self, host, seed, serving):
        host.flag("noload")
        answer = fetch(host, seed, serving)
        assert answer.error == "no space for the image rayproject/ray:2.52.0"
        assert any((host.node / "image.parts").iterdir()), "the pieces stay for the next run"


class TestCarried:
    def test_which_pieces_are_there(self, host, seed):
        folder, pieces = seed
        parts = host.node / "image.parts"
        parts.mkdir(parents=True)
        shutil.copy(folder / pieces[1][0], parts)
        (parts / pieces[0][0]).write_bytes(b"half")
        (parts / "stray").write_bytes(b"")
        answer = host.ask(images.pieces_script(WORKER, "lab", pieces, 1 << 20))
        assert answer.ok, answer.error
        assert answer.all["have"] == [pieces[1][0]]
        assert not (parts / "stray").exists()

    def test_loaded_when_all_are_there(self, host, seed):
        folder, _ = seed
        shutil.copytree(folder, host.node / "image.parts")
        answer = fetch(host, seed, None)
        assert answer.ok, answer.error
        assert gzip.decompress((host.home / "loaded").read_bytes()) == RAW

    def test_a_missing_one_is_reported(self, host, seed):
        answer = fetch(host, seed, None)
        assert answer.error == f"the image did not arrive whole: the piece {seed[1][0][0]} is not whole"
