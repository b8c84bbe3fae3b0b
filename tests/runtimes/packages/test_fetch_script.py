"""Packages into a host's store, with each program that may do it, against a real HTTP server with faults."""

from __future__ import annotations

import os
import random
import signal
import socket
import stat
import subprocess
import sys
import time
from urllib.parse import unquote

import pytest

from tasks.runtimes.packages.fetch import fetch_script
from tasks.runtimes.packages.items import Item
from tests.runtimes.conda.condas import item
from tests.runtimes.packages.mirror import mirror
from tests.script.mac import Mac
from tests.script.processes import alive, environ, until
from tests.script.shells import SHELLS, ask, only, spawn, stand_in, tool

# what the script calls, besides something that downloads
BASE = "awk cat chmod cut date df grep head id ls mkdir mv rm rmdir sed sha256sum sleep sort tail touch tr wc"
GETTERS = {
    "curl": ("curl", "curl"),
    "wget": ("wget", "wget"),
    "python3": ("python3", None),
    "busybox's wget": ("wget", "busybox"),
}
BIG = random.Random(1).randbytes(3_000_000)


class Host:
    """A home, and a PATH that leads to few programs only."""

    def __init__(self, shell: str, folder, getter: str = "curl") -> None:
        self.shell, self.home, self.bin = shell, folder / "home", folder / "bin"
        self.home.mkdir(parents=True)
        self.bin.mkdir()
        self.store = self.home / ".rayfab/.store"
        for name in BASE.split():
            (self.bin / name).symlink_to(tool(name))
        # pauses between two tries, made short
        stand_in(self.bin, "sleep", f'case $1 in ?) set -- 0.05 ;; esac; exec {tool("sleep")} "$@"')
        if getter in GETTERS:
            name, real = GETTERS[getter]
            (self.bin / name).symlink_to(tool(real) if real else sys.executable)

    def ask(self, items, **more):
        secrets, env = more.pop("secrets", None), more.pop("env", {})
        text = only(fetch_script("lab", items, **more).text)
        return ask(text, self.shell, self.home, path=str(self.bin), secrets=secrets, **env)

    def holds(self) -> set[str]:
        return {path.name for path in self.store.iterdir()}

    def whole(self, *items: Item, data: bytes = BIG) -> None:
        """The files are there, and nothing else is."""
        assert self.holds() == {i.file for i in items}
        assert all((self.store / i.file).read_bytes() == data for i in items)


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


@pytest.fixture
def server():
    with mirror() as made:
        yield made


@pytest.fixture
def host(shell, tmp_path):
    return Host(shell, tmp_path)


@pytest.fixture(params=GETTERS)
def each(request, shell, tmp_path):
    """A host for each program that can download."""
    return Host(shell, tmp_path, request.param)


def offer(server, name: str, data: bytes = BIG, path: str = "") -> Item:
    path = path or f"/{name}"
    server.files[unquote(path.partition("#")[0])] = data
    return item("wheel", name, data, server.url + path)


def counted(host: Host, program: str) -> None:
    """The one program that downloads here, which leaves a line for each start."""
    (host.bin / "curl").unlink()
    real = tool("curl") if program == "curl" else sys.executable
    stand_in(host.bin, program, f'echo start >>"$HOME/starts"; exec {real} "$@"')


def starts(host: Host) -> int:
    return len((host.home / "starts").read_text().splitlines())


class TestEachProgram:
    def test_a_file_is_fetched_once(self, each, server):
        items = [offer(server, f"f{n}.whl") for n in range(3)]
        answer = each.ask(items)
        assert answer.ok and answer.stderr == ""
        assert answer.values == {"fetched": "9000000"}
        each.whole(*items)
        assert stat.S_IMODE(each.store.stat().st_mode) == 0o700
        answer = each.ask(items)
        assert answer.values == {"fetched": "0"}
        assert len(server.asked) == 3

    def test_goes_on_where_it_was_interrupted(self, each, server):
        one = offer(server, "f.whl")
        each.store.mkdir(parents=True)
        (each.store / "f.whl.part").write_bytes(BIG[:2_000_000])
        answer = each.ask([one])
        assert answer.ok and answer.values == {"fetched": "1000000"}
        each.whole(one)
        assert server.asked == [("/f.whl", "bytes=2000000-")]

    def test_a_connection_that_breaks(self, each, server):
        one = offer(server, "f.whl")
        server.cut["/f.whl"] = [1_000_000, 2_500_000]
        answer = each.ask([one])
        assert answer.values == {"fetched": "3000000"}
        each.whole(one)
        assert len(server.asked) == 3
        assert len(server.paths(ranged=True)) == 2, "what had come was kept"

    def test_what_has_come_outlives_a_server_that_hangs_up(self, each, server):
        first, one = offer(server, "a.whl"), offer(server, "f.whl")
        assert each.ask([first]).ok
        (each.store / "f.whl.part").write_bytes(BIG[:2_000_000])
        server.dropped["/f.whl"] = 1
        answer = each.ask([first, one])
        assert answer.ok and answer.values == {"fetched": "1000000"}, answer.texts
        each.whole(first, one)
        assert server.asked[1:] == [("/f.whl", "bytes=2000000-")] * 2

    def test_a_server_that_cannot_go_on(self, each, server):
        one = offer(server, "f.whl")
        server.ranges = False
        each.store.mkdir(parents=True)
        (each.store / "f.whl.part").write_bytes(BIG[:2_000_000])
        answer = each.ask([one])
        assert answer.ok and "missing" not in answer.values
        each.whole(one)

    def test_another_file_of_that_size_once(self, each, server):
        one = offer(server, "f.whl")
        server.wrong["/f.whl"] = [b"x" * len(BIG)]
        answer = each.ask([one])
        assert answer.values == {"fetched": "3000000"}
        each.whole(one)

    @pytest.mark.parametrize("instead", [b"x" * len(BIG), b"<html>log in first", BIG + b"more"])
    def test_a_wrong_file_is_reported_as_wrong_and_missing(self, each, server, instead):
        one = offer(server, "f.whl")
        server.wrong["/f.whl"] = [instead] * 9
        answer = each.ask([one])
        assert answer.ok
        assert answer.values == {"missing": "f.whl", "wrong": "f.whl", "fetched": "0"}
        (said,) = answer.texts["log"]
        assert said.startswith("f.whl: the downloaded file ")
        assert each.holds() == set()
        assert len(server.asked) == 2

    def test_a_file_that_is_not_there(self, each, server):
        items = [offer(server, "a.whl"), item("wheel", "b.whl", b"x", f"{server.url}/b.whl")]
        answer = each.ask(items)
        assert answer.ok and answer.stderr == ""
        assert answer.values == {"missing": "b.whl", "fetched": "3000000"}
        (said,) = answer.texts["log"]
        assert said.startswith("b.whl: ") and "404" in said
        assert server.paths().count("/b.whl") == 1, "asking again would not help"
        each.whole(items[0])

    def test_an_error_that_may_pass(self, each, server):
        one = offer(server, "f.whl")
        server.status["/f.whl"] = 503
        answer = each.ask([one])
        assert answer.values == {"missing": "f.whl", "fetched": "0"}
        # Python asks for all files once, before those that failed get three tries
        assert len(server.asked) == (4 if (each.bin / "python3").exists() else 3)

    def test_a_dead_server_costs_neither_time_nor_the_other_files(self, each, server):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        dead = [item("wheel", f"f{n:02}.whl", b"x", f"http://127.0.0.1:{port}/{n}") for n in range(40)]
        good = offer(server, "good.whl")
        began = time.monotonic()
        answer = each.ask([*dead, good])
        assert time.monotonic() - began < 30, "not three tries for each"
        assert answer.ok and answer.values["fetched"] == "3000000"
        assert sorted(answer.all["missing"]) == [d.file for d in dead]
        # those that were under way when it was found dead have the download program's own words
        reasons = (f"no answer from 127.0.0.1:{port}", "onnect", "refused")
        assert all(any(reason in line for reason in reasons) for line in answer.texts["log"]), answer.texts

    def test_no_part_of_a_url_runs_as_code(self, each, server, tmp_path):
        paths = ["/a?b=1&c=%20", "/$(touch%20ran)`touch`;'", "/x[1-3]{a,b}", "/100%25#", "/~a!*"]
        items = [offer(server, f"f{n}.whl", path=path) for n, path in enumerate(paths)]
        answer = each.ask(items)
        assert answer.values == {"fetched": str(len(BIG) * len(items))}, answer.texts
        each.whole(*items)
        assert not list(tmp_path.rglob("ran"))


class TestWhatIsThere:
    def test_carried_ones_are_taken_over_without_a_download(self, host):
        one = item("wheel", "f.whl", BIG)
        host.store.mkdir(parents=True)
        (host.store / "f.whl.part").write_bytes(BIG)
        (host.bin / "curl").unlink()
        answer = host.ask([one])
        assert answer.ok and answer.values == {"no_tool": "1", "fetched": "0"}
        host.whole(one)

    def test_a_carried_one_that_is_not_right(self, host, server):
        one, two = offer(server, "f.whl"), item("wheel", "g.whl", BIG)
        host.store.mkdir(parents=True)
        for name in ("f.whl", "g.whl"):
            (host.store / f"{name}.part").write_bytes(b"x" * len(BIG))
        answer = host.ask([one, two])
        assert answer.values["missing"] == answer.values["wrong"] == "g.whl"
        host.whole(one)

    def test_files_of_another_size_are_fetched_again(self, host, server):
        """A file of that name that is something else, and more of a part than there is of the file."""
        one, two = offer(server, "f.whl"), offer(server, "g.whl")
        host.store.mkdir(parents=True)
        (host.store / "f.whl").write_bytes(b"something else")
        (host.store / "g.whl.part").write_bytes(BIG + b"more")
        assert host.ask([one, two]).ok
        host.whole(one, two)

    def test_a_file_without_an_address_is_missing(self, host):
        answer = host.ask([item("wheel", "f.whl", BIG)])
        assert answer.values == {"missing": "f.whl", "fetched": "0"}
        assert answer.texts["log"] == ["f.whl: there is no program to download it with, or no address"]

    def test_nothing_to_do(self, host):
        assert host.ask([]).values == {"fetched": "0"}


class TestHost:
    def test_nothing_that_downloads(self, host, server):
        (host.bin / "curl").unlink()
        items = [offer(server, f"f{n}.whl") for n in range(30)]
        answer = host.ask(items)
        assert answer.ok
        assert answer.values["no_tool"] == "1" and len(answer.all["missing"]) == 30
        assert len(answer.texts["log"]) == 25
        assert host.holds() == set()

    @pytest.mark.parametrize("name", ["shasum", "openssl", "python3"])
    def test_other_programs_for_sums(self, host, server, name):
        (host.bin / "sha256sum").unlink()
        (host.bin / name).symlink_to(sys.executable if name == "python3" else tool(name))
        for wanted in ("perl", "env"):
            # shasum is a script of perl's
            (host.bin / wanted).symlink_to(tool(wanted))
        one = offer(server, "f.whl")
        assert host.ask([one]).values == {"fetched": "3000000"}
        host.whole(one)

    def test_no_program_for_sums(self, host, server):
        if host.shell == "busybox":
            # its own are there whatever PATH says
            stand_in(host.bin, "sha256sum", "exit 1")
        (host.bin / "sha256sum").unlink(missing_ok=True)
        answer = host.ask([offer(server, "f.whl")])
        assert answer.error == "no program here can check a SHA-256"
        assert server.asked == []

    def test_a_full_disk_is_reported_before_fetching(self, host, server):
        df = "/dev/vda1 1000000 998000 2000 99% /"
        stand_in(
            host.bin, "df", f"echo 'Filesystem 1024-blocks Used Available Capacity Mounted on'; echo '{df}'"
        )
        answer = host.ask([offer(server, "f.whl")])
        assert answer.error == f"the disk is full: 4 MB are needed in {host.store}, 2 MB are free"
        assert answer.hint == f"free some space below {host.home}"
        assert server.asked == [] and host.holds() == set()
        # what is there of it needs no more room
        (host.store / "f.whl.part").write_bytes(BIG[:2_000_000])
        assert host.ask([offer(server, "f.whl")]).ok

    def test_a_store_that_cannot_be_made(self, host):
        (host.home / ".rayfab").write_text("")
        answer = host.ask([item("wheel", "f.whl", b"x")])
        assert answer.error == f"cannot make {host.store}"

    def test_a_home_with_odd_signs(self, shell, tmp_path, server):
        folder = tmp_path / 'it\'s a "home" $(touch ran) `touch ran` \\ 中文'
        host = Host(shell, folder)
        one = offer(server, "f.whl")
        assert host.ask([one]).values == {"fetched": "3000000"}
        host.whole(one)
        assert not list(tmp_path.rglob("ran"))


class TestManyAtOnce:
    def test_eight_at_a_time(self, host, server):
        items = [offer(server, f"f{n:02}.whl", BIG[: 100_000 + n * 1000]) for n in range(24)]
        server.pace = dict.fromkeys(server.files, 0.15)
        answer = host.ask(items)
        assert answer.ok and host.holds() == {i.file for i in items}
        assert 2 <= server.at_once <= 8

    def test_the_large_ones_before_the_small(self, host, server):
        small = [offer(server, f"s{n}.whl", BIG[: 3000 + n]) for n in range(8)]
        large = [offer(server, f"l{n}.whl", BIG[:2_500_000] * 2) for n in range(8)]
        server.pace = dict.fromkeys(server.files, 0.02)
        assert host.ask([*small, *large]).ok
        assert set(server.paths()[:8]) == {f"/{one.file}" for one in large}

    @pytest.mark.parametrize("program", ["curl", "python3"])
    def test_small_ones_share_a_program(self, host, server, program):
        counted(host, program)
        items = [offer(server, f"f{n:02}.whl", BIG[: 1000 + n]) for n in range(80)]
        answer = host.ask(items)
        assert answer.values == {"fetched": str(sum(one.size for one in items))}
        # curl: one that asks whether anything comes at all, and one for the others, of each of eight workers
        assert starts(host) <= {"curl": 16, "python3": 1}[program]
        assert sorted(server.paths()) == sorted(f"/{one.file}" for one in items)
        assert host.holds() == {one.file for one in items}

    @pytest.mark.parametrize("program", ["curl", "python3"])
    def test_small_ones_share_a_connection(self, host, server, program):
        counted(host, program)
        server.kept = True
        items = [offer(server, f"f{n:02}.whl", BIG[: 1000 + n]) for n in range(80)]
        answer = host.ask(items)
        assert answer.ok and host.holds() == {one.file for one in items}
        assert server.connections <= {"curl": 16, "python3": 8}[program]
        assert len(server.asked) == 80

    @pytest.mark.parametrize("program", ["curl", "python3"])
    def test_a_connection_that_is_closed_between_two(self, host, server, program):
        """Kept by the client, ended by the server, as a proxy with a short patience does."""
        counted(host, program)
        server.kept = True
        items = [offer(server, f"f{n:02}.whl", BIG[: 1000 + n]) for n in range(40)]
        for n in range(0, 40, 3):
            server.dropped[f"/f{n:02}.whl"] = 1
        answer = host.ask(items)
        assert answer.ok and "missing" not in answer.values
        assert host.holds() == {one.file for one in items}

    @pytest.mark.parametrize("program", ["curl", "python3"])
    def test_redirects_are_followed(self, host, server, program):
        counted(host, program)
        server.kept = True
        items = [offer(server, f"f{n:02}.whl", BIG[: 1000 + n]) for n in range(40)]
        for one in items[::2]:
            server.files[f"/there/{one.file}"] = server.files[f"/{one.file}"]
            server.moved[f"/{one.file}"] = f"{server.url}/there/{one.file}"
        answer = host.ask(items)
        assert answer.ok and "missing" not in answer.values
        assert host.holds() == {one.file for one in items}

    @pytest.mark.parametrize("program", ["curl", "python3"])
    def test_a_failed_file_does_not_stop_the_others_of_its_program(self, host, server, program):
        counted(host, program)
        items = [offer(server, f"f{n:02}.whl", BIG[: 1000 + n]) for n in range(40)]
        items[17] = item("wheel", "f17.whl", BIG[:1017], f"{server.url}/none.whl")
        items[3] = item("wheel", "f03.whl", BIG[:1003], "-")
        server.wrong["/f30.whl"] = [b"another"] * 9
        server.cut["/f25.whl"] = [500]
        answer = host.ask(items)
        assert sorted(answer.all["missing"]) == ["f03.whl", "f17.whl", "f30.whl"]
        assert answer.all["wrong"] == ["f30.whl"]
        assert host.holds() == {one.file for one in items} - set(answer.all["missing"])

    def test_one_python_downloads_and_checks_all(self, host, server):
        """To start it takes longer than a file of a megabyte; sha256sum has nothing left to do."""
        counted(host, "python3")
        stand_in(host.bin, "sha256sum", f'echo sum >>"$HOME/sums"; exec {tool("sha256sum")} "$@"')
        items = [offer(server, f"f{n:02}.whl", BIG[: 2_900_000 - n]) for n in range(10)]
        assert host.ask(items).ok
        assert starts(host) == 1 and server.at_once <= 8
        assert (host.home / "sums").read_text().count("sum") == 1, (
            "the one that asks whether there is a program"
        )
        assert host.holds() == {one.file for one in items}

    def test_how_far_it_is(self, host, server):
        one = offer(server, "f.whl", BIG)
        server.pace["/f.whl"] = 0.06
        said = []
        reader = spawn(only(fetch_script("lab", [one]).text), host.shell, host.home, path=str(host.bin))
        with reader.stdout as lines:
            said += [line.decode().split(" step ", 1)[1].strip() for line in lines if b" step " in line]
        reader.wait()
        reader.stderr.close()
        assert said[0] == "fetching packages, 0 of 3 MB"
        assert {f"fetching packages, {done} of 3 MB" for done in (1, 2)} & set(said), said

    def test_a_server_that_falls_silent(self, host, server):
        """It is asked again after half a minute of nothing, which is made short here."""
        curl = (host.bin / "curl").readlink()
        every = 'for word; do shift; [ "$word" != 30 ] || word=1; set -- "$@" "$word"; done'
        stand_in(host.bin, "curl", f'{every}; exec {curl} "$@"')
        one = offer(server, "f.whl")
        server.pauses["/f.whl"] = [40.0]
        began = time.monotonic()
        assert host.ask([one]).values == {"fetched": "3000000"}
        assert time.monotonic() - began < 30
        host.whole(one)
        assert len(server.asked) == 2


@pytest.mark.parametrize("shell", SHELLS)
def test_files_are_fetched_on_a_mac(shell, tmp_path, server):
    """shasum where others have sha256sum, and no /proc to find the programs of an earlier run in."""
    mac = Mac(shell, tmp_path)
    for name in ("curl", "shasum", "perl"):
        (mac.bin / name).symlink_to(tool(name))
    with subprocess.Popen([tool("sleep"), "60"]) as old:
        mark = f"RAYFAB_FETCH={mac.home}/.rayfab/lab/"
        (mac.home / "ps.environ").write_text(
            f"  {old.pid} curl -o x -K - HOME=/Users/alice {mark} TERM=dumb\n"
        )
        # it is gone once it was ended
        stand_in(
            mac.bin,
            "ps",
            f'kill -0 {old.pid} 2>/dev/null && cat "$HOME/ps.environ"; rm -f "$HOME/ps.environ"',
        )
        items = [offer(server, f"f{n}.whl") for n in range(3)]
        answer = mac.ask(fetch_script("lab", items))
        assert old.wait(5) == -signal.SIGKILL
    assert answer.ok and answer.stderr == "", answer.error
    assert answer.values == {"fetched": "9000000"}
    assert {p.name for p in (mac.home / ".rayfab/.store").iterdir()} == {i.file for i in items}


class TestSeed:
    SECRET = "5ec2e7" * 4

    def test_from_a_neighbour(self, each, server):
        """Its own address is asked, without a proxy; the secret stands nowhere where others can read it."""
        getter = next(p for p in each.bin.iterdir() if p.name in ("curl", "wget", "python3"))
        real = each.home / "real" / getter.name
        real.parent.mkdir()
        getter.rename(real)
        stand_in(each.bin, getter.name, f'printf "%s\\n" "$*" >>"$HOME/argv"; exec {real} "$@"')
        (each.home / ".curlrc").write_text('proxy = "http://127.0.0.1:9"\n')
        (each.home / ".wgetrc").write_text("use_proxy = on\nhttp_proxy = http://127.0.0.1:9\n")
        one = item("wheel", "f.whl", BIG, "http://vendor.invalid/f.whl")
        server.files[f"/{self.SECRET}/f.whl"] = BIG
        nowhere = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
        script = fetch_script("lab", [one], base=server.url)
        assert script.secrets == ("RF_SEED",)
        assert self.SECRET not in script.text
        answer = each.ask(
            [one], base=server.url, proxy="http://127.0.0.1:9", secrets={"RF_SEED": self.SECRET}, env=nowhere
        )
        assert answer.ok and answer.values == {"fetched": "3000000"}, answer.texts
        each.whole(one)
        if real.readlink().name != "busybox":
            assert self.SECRET not in (each.home / "argv").read_text()

    def test_what_it_says_does_not_tell_the_secret(self, each, server):
        one = item("wheel", "f.whl", BIG, "http://vendor.invalid/f.whl")
        answer = each.ask([one], base=server.url, secrets={"RF_SEED": self.SECRET})
        assert answer.values["missing"] == "f.whl"
        assert self.SECRET.encode() not in answer.raw and self.SECRET not in answer.stderr


class TestProxy:
    def test_a_file_is_fetched_through_it(self, each, server):
        """The server plays the proxy: it is asked for a whole URL of a host that is not there."""
        one = item("wheel", "f.whl", BIG, "http://vendor.invalid/f.whl")
        server.files["http://vendor.invalid/f.whl"] = BIG
        answer = each.ask([one], proxy=server.url)
        assert answer.ok and answer.values == {"fetched": "3000000"}, answer.texts
        each.whole(one)

    def test_not_for_these_names(self, each, server):
        one = offer(server, "f.whl")
        answer = each.ask([one], proxy="http://127.0.0.1:9", no_proxy="mirror.lab,127.0.0.1")
        assert answer.values == {"fetched": "3000000"}, answer.texts
        each.whole(one)


class TestInterrupted:
    def kill(self, host, server, sign):
        """A run that is ended in the middle of a file."""
        one = offer(server, "f.whl")
        server.pace["/f.whl"] = 0.3
        process = spawn(only(fetch_script("lab", [one]).text), host.shell, host.home, path=str(host.bin))
        part = host.store / "f.whl.part"
        until(lambda: part.exists() and part.stat().st_size > 150_000)
        os.kill(process.pid, sign)
        process.wait(10)
        for pipe in (process.stdout, process.stderr):
            pipe.close()
        return one

    @staticmethod
    def workers(host) -> list[int]:
        mark = f"RAYFAB_FETCH={host.home}/.rayfab/lab/".encode()
        numbers = [int(n) for n in os.listdir("/proc") if n.isdigit()]
        return [pid for pid in numbers if mark in environ(pid)]

    def test_the_whole_thing_ends(self, host, server):
        self.kill(host, server, signal.SIGTERM)
        size = (host.store / "f.whl.part").stat().st_size
        until(lambda: self.workers(host) == [], 10)
        time.sleep(0.5)
        assert (host.store / "f.whl.part").stat().st_size < size + 500_000, "and not because it was done"

    def test_the_next_run_ends_the_programs_of_the_killed_one_and_resumes(self, host, server):
        """The run is gone at once, its programs are not: the next one ends them before it goes on."""
        one = self.kill(host, server, signal.SIGKILL)
        left = self.workers(host)
        assert left
        server.pace["/f.whl"] = 0.04
        answer = host.ask([one])
        assert answer.ok and 0 < int(answer.values["fetched"]) < len(BIG)
        host.whole(one)
        assert not any(alive(pid) for pid in left)
        assert server.asked[-1][1].startswith("bytes="), (server.asked, answer)

    def test_another_cluster_is_waited_for(self, host, server):
        own = f"RAYFAB_FETCH={host.home}/.rayfab/other/"
        with subprocess.Popen([tool("env"), own, tool("sleep"), "1"]) as other:
            one = offer(server, "f.whl")
            answer = host.ask([one])
            assert other.poll() == 0, "it was left alone, and waited for"
        assert answer.ok
        assert b"step waiting for another cluster's installation on this host" in answer.raw
        host.whole(one)


class TestItem:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"file": "a b"},
            {"file": "../x"},
            {"file": ".x"},
            {"file": "-x"},
            {"file": "x.part"},
            {"file": ""},
            {"file": "a\nb"},
            {"sha256": "ABC"},
            {"sha256": "0" * 63},
            {"size": 0},
            {"size": -1},
            {"size": 1 << 60},
            {"url": "http://a b"},
            {"url": 'http://a"b'},
            {"url": "http://a\\b"},
            {"url": "http://a\nb"},
            {"url": "http://ä"},
            {"url": "--help"},
            {"url": ""},
            {"kind": "other"},
        ],
    )
    def test_invalid_values_are_refused(self, wrong):
        known = {"kind": "wheel", "file": "a.whl", "sha256": "0" * 64, "size": 1, "url": "-"}
        Item(**known)
        with pytest.raises(ValueError):
            Item(**{**known, **wrong})

    def test_two_files_of_one_name(self):
        one, other = item("wheel", "f.whl", b"a"), item("wheel", "f.whl", b"b")
        assert fetch_script("lab", [one, one]).text.count("f.whl") == 1
        with pytest.raises(ValueError, match=r"two different files are called f\.whl"):
            fetch_script("lab", [one, other])
