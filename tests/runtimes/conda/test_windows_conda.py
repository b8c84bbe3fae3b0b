"""runtime: conda on Windows: the scripts run by the stand-in for PowerShell, on a stand-in for a Windows machine.

Conda, its installer, uv, Ray and the Task Scheduler are stand-ins, too (tests/standins/windows/programs.py); what is
real is the loop that keeps Ray alive, curl, and every file.
"""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import signal
import socket
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tasks.node import operations
from tasks.runtimes.conda import scripts as conda
from tasks.runtimes.conda.facts import Conda
from tasks.runtimes.facts import facts_script
from tasks.runtimes.packages.environments import package_changes
from tasks.runtimes.packages.fetch import fetch_script
from tasks.runtimes.packages.items import Item
from tasks.script import powershell as windows
from tasks.ssh.windows import BOOTSTRAP, wrap
from tests.node.test_windows_scripts import Listener, Windows
from tests.runtimes.packages.kits import kit_of
from tests.script import samples
from tests.script.processes import until
from tests.standins.windows import programs
from tests.standins.windows.dotnet import types
from tests.standins.windows.interpreter import Shell
from tests.standins.windows.values import PSError

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")

UV_WHEEL = "uv-0.9.0-py3-none-win_amd64.whl"
INSTALLER = "Miniconda3-py39_24.9.2-0-Windows-x86_64.exe"
PYTHON = "python-3.7.16-h6244533_0.conda"
RAY = "ray-2.7.2-cp37-cp37m-win_amd64.whl"
CLICK = "click-8.1.8-py3-none-any.whl"
KINDS = {UV_WHEEL: "tool", INSTALLER: "installer", PYTHON: "conda", RAY: "wheel", CLICK: "wheel"}
FILES = tuple(KINDS)
HOST = samples.host("worker", samples.CONDA)
ENV = "ray-2.7.2-py3.7.16-abc"
PREFIX = r"C:\Users\me\conda"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files; those named in ``cut`` end after half of their bytes, once."""

    cut: set
    asked: list

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.asked.append((self.path, self.headers.get("Range")))
        path = Path(self.directory) / self.path.lstrip("/").split("/")[-1]
        if not path.exists():
            self.send_error(404)
            return
        data = path.read_bytes()
        begin = int(self.headers["Range"][6:-1]) if self.headers.get("Range") else 0
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        if path.name in self.cut:
            self.cut.discard(path.name)
            self.wfile.write(data[begin : begin + len(data) // 2])
            self.close_connection = True
            return
        self.wfile.write(data[begin:])


class CondaMachine(Windows):
    """A machine without Docker, and a server with the files that it needs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, docker=False)
        self.served = folder / "served"
        self.served.mkdir()
        programs.wheel(self.served / UV_WHEEL, "uv-0.9.0.data/scripts/uv.exe")
        programs.put(self.served / INSTALLER)
        (self.served / PYTHON).write_bytes(os.urandom(300_000))
        for name in (RAY, CLICK):
            programs.wheel(self.served / name)
        handler = partial(type("Handler", (Quiet,), {"cut": set(), "asked": []}), directory=str(self.served))
        self.handler = handler.func
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.env = self.node(rf"envs\{ENV}")

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.machine.kill_all()

    def flags(self, *names: str) -> None:
        for name in names:
            path = self.machine.drive.root / "standin" / name
            path.parent.mkdir(exist_ok=True)
            path.touch()

    def unflag(self, name: str) -> None:
        (self.machine.drive.root / "standin" / name).unlink()

    def log(self, start: str = "") -> list[str]:
        file = self.machine.drive.root / "standin/log"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if line.startswith(start)]

    # scripts

    def look(self):
        return self.ask(facts_script(HOST, "lab"))

    def items(self, *names: str, **sums: str) -> list[Item]:
        out = []
        for name in names or FILES:
            data = (self.served / name).read_bytes()
            sha = sums.get(name, hashlib.sha256(data).hexdigest())
            out.append(Item(KINDS[name], name, sha, len(data), f"{self.url}/{name}"))
        return out

    def fetch(self, items: list[Item] | None = None, **more: object):
        script = fetch_script("lab", self.items() if items is None else items, **more)
        return self.ask(script, **({"RF_SEED": "s3cret"} if script.secrets else {}))

    def install(self, host=HOST, **more: object):
        kit = kit_of(more.pop("items", self.items()), more.pop("python", "3.7.16"), platform="win-64")
        # whatever the store lacks cannot be fetched
        items = [replace(item, url="-") for item in kit.items]
        known = {"env_id": ENV, "kit": kit, "items": items, "uv_version": "0.9.0"}
        answer = self.ask(conda.conda_script(host, "lab", **{**known, **more}))
        assert answer.values.pop("fetched", "0") == "0", "all is in the store"
        return answer

    def up(self, token: str = "t0ken", env: str = ENV):
        of = samples.subject(
            text=samples.CONDA, system="Windows", home="C:/Users/me", user="me", uid=-1, systemd=False
        )
        wanted = samples.desired(of, versions=samples.versions(env))
        state = wanted.state("f", "request")
        script = samples.up_script(of.host, "lab", wanted, of.facts.home, state, token=bool(token))
        return self.ask(script, **({"RF_TOKEN": token} if token else {}))

    def stop(self):
        return self.ask(operations.stop_script("lab"))

    def destroy(self, purge: bool = False):
        return self.ask(operations.destroy_script(HOST, "lab", purge=purge))

    def deployed(self):
        for step in (self.fetch, self.install, self.up):
            answer = step()
            assert answer.ok, answer.error
        return answer

    def tasks(self) -> list[str]:
        folder = self.machine.drive.root / "Windows/System32/Tasks"
        return sorted(p.name for p in folder.iterdir()) if folder.exists() else []

    def files(self, path: str) -> set[str]:
        folder = self.at(path)
        return {str(p.relative_to(folder)) for p in folder.rglob("*")} if folder.exists() else set()


@pytest.fixture
def win(tmp_path):
    made = CondaMachine(tmp_path)
    yield made
    made.close()


def test_looking_at_an_empty_host_leaves_nothing(win):
    answer = win.look()
    assert answer.ok, answer.error
    assert "conda" not in answer.values and answer.values["conda_prefix"] == "absent"
    assert win.files("") == set()


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    made = CondaMachine(tmp_path_factory.mktemp("deployed"))
    made.deployed()
    yield made
    made.close()


class TestDeployed:
    """One deployed host for all of these; the last two stop and destroy it."""

    @pytest.fixture
    def win(self, deployed):
        return deployed

    def test_a_second_fetch_and_install_change_nothing(self, win):
        assert win.fetch().values == {"fetched": "0"}
        assert win.install().values == {"changed": "0"}

    def test_conda_and_the_environment_are_installed_offline(self, win):
        assert win.log("installer") == [
            f"installer /InstallationType=JustMe /RegisterPython=0 /AddToPath=0 /S /D={win.at('conda')}"
        ]
        assert "\nplatform win-64\npython 3.7.16\n" in (win.env / "requirements.lock").read_text()
        owners = dict(line.split("\t")[::-1] for line in (win.env / ".owners").read_text().splitlines())
        assert owners["Scripts/ray.exe"] == "Lib/site-packages/ray-1.0.dist-info/METADATA"
        assert owners["python.exe"] == owners["requirements.lock"] == "."
        assert win.log("offline install"), "nothing is fetched while it is installed"

    def test_ray_runs_under_a_task_for_the_boot(self, win):
        assert win.tasks() == ["rayfab-lab"]
        answer = win.look()
        assert (answer.values["service"], answer.values["active"], answer.values["env"]) == (
            "task",
            "active",
            ENV,
        )
        assert answer.values["conda"] == rf"conda 24.9.2 {PREFIX}\Scripts\conda.exe"
        assert answer.values["conda_prefix"] == "ours"
        assert [p.split()[1].endswith("/ray/raylet.exe") for p in answer.all["ray_process"]] == [True]

    def test_ray_gets_its_arguments_and_environment(self, win):
        arguments = next(line for line in win.log("ray start"))
        assert arguments.endswith("--block") and f"--temp-dir={win.node('ray')}" in arguments
        environment = json.loads((win.machine.drive.root / "standin/ray.env").read_text())
        assert environment["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "1"
        assert environment["RAY_AUTH_TOKEN_PATH"] == r"C:\Users\me\.rayfab\lab\token"
        assert environment["WIN_PATH"].startswith(rf"C:\Users\me\.rayfab\lab\envs\{ENV};")
        assert (win.at(r".conda\envs\ray")).resolve() == win.env.resolve()

    def test_ray_is_started_again_after_a_sudden_end_and_after_a_reboot_without_a_login(self, win):
        (raylet,) = win.machine.running("raylet")
        os.kill(raylet, signal.SIGKILL)
        until(lambda: set(win.machine.running("raylet")) - {raylet})
        win.machine.reboot()
        until(lambda: win.machine.running("raylet"))
        assert win.look().values["active"] == "active"

    def test_a_second_start_replaces_the_first(self, win):
        answer = win.up()
        assert answer.ok, answer.error
        assert len(win.machine.running("raylet")) == len(win.machine.running("pythonw")) == 1

    def test_a_stopped_node_stays_stopped_after_a_reboot(self, win):
        assert win.stop().values == {"changed": "1"}
        assert win.machine.running() == {} and win.tasks() == []
        win.machine.reboot(login=True)
        assert win.machine.running() == {}
        assert win.stop().values == {"changed": "0"}
        assert win.look().values["active"] == "inactive"

    def test_destroy_leaves_only_conda_which_a_purge_removes(self, win):
        assert win.destroy().values == {"changed": "1", "kept": f"conda stays in {PREFIX}"}
        assert not win.at(".conda").exists() and win.files(".rayfab") == {".conda"}
        assert win.at(r"conda\Scripts\conda.exe").exists()
        assert win.destroy(purge=True).values == {"changed": "1"}
        assert win.files("") == set()
        assert win.log("uninstaller") == [f"uninstaller /S _?={win.at('conda')}"]


@pytest.mark.parametrize("name", [PYTHON, RAY])
def test_a_file_that_was_damaged_in_the_store_is_not_installed(win, name):
    """Conda's files and wheels; the next deploy fetches it again."""
    assert win.fetch().ok
    path = win.at(rf".rayfab\.store\{name}")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    answer = win.install()
    assert answer.error == "1 of the packages in the store were damaged"
    assert not path.exists() and not win.env.exists()
    assert win.fetch().ok and win.install().values == {"changed": "1"}


def test_the_authorities_of_mirrors_ca_are_there_for_jobs(win):
    win.node("").mkdir(parents=True)
    win.node("authorities.pem").write_text("OURS\n")
    win.deployed()
    assert win.node("ca.pem").read_text().endswith("OURS\n")
    answer = win.up()
    assert answer.ok and win.node("ca.pem").read_text().count("OURS") == 1, "a second start adds nothing"


def test_commands_logs_and_the_driver(win):
    win.deployed()
    answer = win.ask(operations.command_script("lab", ["ray", "--version"]))
    assert answer.ok and "ray, version 2.52.0" in answer.chatter and "to its errors" in answer.chatter
    answer = win.ask(operations.command_script("lab", ["dir"]))
    assert (answer.status, answer.values["missing"]) == (127, "127")
    assert answer.chatter == "dir: there is no such program\n"
    assert answer.hint == "for a command of cmd.exe: cmd /c COMMAND"
    script = operations.verify_script("lab", "10.0.0.1:6379", [], tasks=False, timeout=1.0)
    driver = 'import os, sys; print("RFSTEP one"); print("RF", sys.argv[1], os.environ["RAY_AUTH_MODE"])'
    spec = {**script.values, "DRIVER": driver, "SPEC": '{"a": "b c\\"d"}'}
    answer = win.ask(replace(script, values=spec))
    assert answer.texts["answer"] == ['{"a": "b c\\"d"} token']
    told = Listener()
    following = operations.logs_script(samples.host(), "lab", ["start"], 5, follow=True)
    shell = Shell(
        types(win.machine, io.BytesIO(wrap(windows.text_of(following), "rfmark", {})), told),
        win.machine.environment(),
    )
    with pytest.raises(PSError, match="the reader has gone"):
        shell.run(BOOTSTRAP)
    assert b"|start.log| Ray runtime started." in told.getvalue()
    logs = win.ask(operations.logs_script(samples.host(), "lab", ["start", "raylet.*"], 5, follow=False))
    assert logs.texts["log:raylet.out"] == ["raylet is up"]
    assert logs.texts["log:start.log"][0] == "Ray runtime started."


class TestFetch:
    def test_a_wrong_sum(self, win):
        answer = win.fetch(win.items(**{CLICK: "0" * 64}))
        assert answer.ok
        assert (answer.values["missing"], answer.values["wrong"]) == (CLICK, CLICK)
        assert answer.texts["log"] == [f"{CLICK}: the downloaded file is not the expected one"]
        assert sorted(p.name for p in win.at(r".rayfab\.store").iterdir()) == sorted(set(FILES) - {CLICK})

    def test_a_connection_that_breaks_is_taken_up_where_it_was(self, win):
        win.handler.cut.add(PYTHON)
        answer = win.fetch()
        assert answer.ok and "missing" not in answer.values
        assert [r for path, r in win.handler.asked if path == f"/{PYTHON}"] == [None, "bytes=150000-"]

    def test_a_server_that_does_not_answer_is_given_up_soon(self, win):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{closed.getsockname()[1]}"
            items = [Item("conda", f"p{n}.conda", "0" * 64, 5, f"{url}/p{n}") for n in range(40)]
            answer = win.fetch(items)
        assert len(answer.all["missing"]) == 40
        asked = [words for words in win.machine.started if words[0].endswith("curl.exe")]
        assert len(asked) < 32, "every file would be tried three times"
        assert any("no answer from 127.0.0.1" in line for line in answer.texts["log"])

    def test_an_interrupted_run_is_taken_up_where_it_was(self, win):
        part = win.at(rf".rayfab\.store\{PYTHON}.part")
        part.parent.mkdir(parents=True)
        part.write_bytes((win.served / PYTHON).read_bytes()[:100_000])
        answer = win.fetch()
        assert [r for path, r in win.handler.asked if path == f"/{PYTHON}"] == ["bytes=100000-"]
        sizes = sum((win.served / name).stat().st_size for name in FILES)
        assert answer.values["fetched"] == str(sizes - 100_000)

    def test_what_is_not_there(self, win):
        items = win.items()
        (win.served / RAY).unlink()
        answer = win.fetch(items)
        assert answer.ok and answer.values["missing"] == RAY
        assert "404" in answer.texts["log"][0]

    def test_from_a_seed(self, win):
        answer = win.fetch(base=win.url, proxy="http://127.0.0.1:1")
        assert answer.ok and "missing" not in answer.values
        assert {path.split("/")[1] for path, _ in win.handler.asked} == {"s3cret"}
        assert "s3cret" not in repr(win.machine.started)

    def test_what_was_carried_is_taken_over(self, win):
        (item,) = win.items(CLICK)
        part = win.at(rf".rayfab\.store\{CLICK}.part")
        part.parent.mkdir(parents=True)
        part.write_bytes((win.served / CLICK).read_bytes())
        carried = Item(item.kind, item.file, item.sha256, item.size, "-")
        assert win.fetch([carried]).values == {"fetched": "0"}
        assert win.at(rf".rayfab\.store\{CLICK}").exists() and win.handler.asked == []

    def test_a_host_without_curl_says_so(self, win):
        win.machine.drive.at(r"C:\Windows\System32\curl.exe").unlink()
        answer = win.fetch()
        assert answer.ok and answer.values["no_tool"] == "1"
        assert answer.all["missing"] and "wrong" not in answer.values

    def test_a_full_disk_is_reported_before_fetching(self, win):
        huge = Item("conda", "big.conda", "0" * 64, 1 << 49, f"{win.url}/big.conda")
        answer = win.fetch([huge])
        assert answer.error.startswith("the disk is full: 61924494")

    def test_the_large_ones_come_first(self, win):
        win.fetch()
        first = next(words for words in win.machine.started if words[0].endswith("curl.exe"))
        assert first[first.index("-o") + 1] == rf"C:\Users\me\.rayfab\.store\{PYTHON}.part"


class TestConda:
    def test_one_that_is_there_is_used_and_left_as_it_is(self, win):
        theirs = win.at("anaconda3")
        programs.put(theirs / "Scripts/conda.exe")
        programs.put(theirs / "python.exe")
        before = {path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()}
        said = win.look().values
        theirs_is = r"C:\Users\me\anaconda3\Scripts\conda.exe"
        assert (said["conda"], said["conda_prefix"]) == (f"conda 24.9.2 {theirs_is}", "absent")
        win.fetch()
        items = win.items(UV_WHEEL, PYTHON, RAY, CLICK)
        answer = win.install(items=items, conda=Conda("conda", "24.9.2", theirs_is))
        assert answer.ok, answer.error
        assert not win.at("conda").exists() and win.log("installer") == []
        assert win.up().ok
        assert win.destroy(purge=True).ok
        assert {path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()} == before
        assert not win.at(".rayfab").exists()

    @pytest.mark.parametrize(
        "place",
        [r"C:\ProgramData\miniforge3", r"C:\tools\miniconda3", r"C:\Users\me\AppData\Local\miniconda3"],
    )
    def test_is_found_in_windows_places(self, win, place):
        programs.put(win.machine.drive.at(place) / "Scripts/conda.exe")
        assert win.look().all["conda"] == [rf"conda 24.9.2 {place}\Scripts\conda.exe"]

    def test_is_found_where_it_has_made_environments(self, win):
        programs.put(win.machine.drive.at(r"C:\my\conda") / "Scripts/conda.exe")
        win.at(".conda").mkdir()
        win.at(r".conda\environments.txt").write_text("C:\\my\\conda\r\nC:\\gone\r\n")
        assert win.look().all["conda"] == [r"conda 24.9.2 C:\my\conda\Scripts\conda.exe"]

    def test_that_does_not_run_is_none(self, win):
        programs.put(win.at("conda") / "Scripts/conda.exe")
        win.flags("conda-broken")
        said = win.look().values
        assert "conda" not in said and said["conda_prefix"] == "foreign"
        win.fetch()
        assert win.install().error == f"{PREFIX} exists, but is not a working conda"

    def test_an_interrupted_installation_is_done_again(self, win):
        win.fetch()
        win.flags("installer-dies")
        answer = win.install()
        assert answer.error == "conda's installer failed with status 1"
        assert win.look().values["conda_prefix"] == "broken"
        win.unflag("installer-dies")
        assert win.install().ok
        assert win.look().values["conda_prefix"] == "ours"

    def test_an_interrupted_environment_is_made_again(self, win):
        win.fetch()
        (win.env / "Lib").mkdir(parents=True)
        (win.env / "Lib/half.py").write_text("")
        assert win.install().ok
        assert not (win.env / "Lib/half.py").exists() and (win.env / ".complete").exists()

    def test_what_others_have_in_conda_s_list_stays_there(self, win):
        listed = win.at(r".conda\environments.txt")
        listed.parent.mkdir()
        listed.write_bytes(b"C:\\Users\\me\\condax\r\n")
        win.deployed()
        assert win.destroy(purge=True).ok
        assert listed.read_bytes() == b"C:\\Users\\me\\condax\r\n"

    def test_a_full_disk(self, win):
        win.fetch()
        win.flags("installer-dies", "disk-full")
        assert win.install().error == "the disk is full"

    def test_a_prefix_with_a_blank(self, win):
        win.fetch()
        other = HOST.model_copy(update={"conda": HOST.conda.model_copy(update={"prefix": "C:/my conda"})})
        answer = win.install(other)
        assert (
            answer.error
            == r"conda cannot be installed into C:\my conda: it contains a space or a character outside ASCII"
        )

    def test_packages_without_uv(self, win):
        win.fetch()
        assert win.install(items=win.items(INSTALLER, PYTHON, RAY, CLICK)).ok
        assert win.log("uv") == [] and len(win.log("offline install")) == 1

    def test_packages_that_are_missing_are_said_before_anything_is_done(self, win):
        win.fetch(win.items(INSTALLER, PYTHON, RAY))
        answer = win.install()
        assert set(answer.all["missing"]) == {UV_WHEEL, CLICK}
        assert answer.ok and not win.at("conda").exists()

    def test_the_wrong_python(self, win):
        win.fetch()
        answer = win.install(python="3.8.1")
        assert answer.error == "the environment has Python 3.7.16, not Python 3.8.1"
        assert not (win.env / ".complete").exists()

    def test_an_environment_that_has_lost_a_file_is_repaired(self, win):
        win.deployed()
        (win.env / "Lib/site-packages/click/__init__.py").unlink()
        assert "env" not in win.look().values
        answer = win.install()
        assert answer.ok and answer.values["changed"] == "1"
        assert win.machine.running() == {}, "nothing may run from what is replaced"
        assert win.up().ok

    def test_what_its_user_changes_is_told_and_stays(self, win):
        win.deployed()
        packages = win.env / "Lib/site-packages"
        (packages / "click/__init__.py").unlink()
        (packages / "click-1.0.dist-info/METADATA").unlink()
        (packages / "emoji-2.0.dist-info").mkdir()
        (packages / "emoji-2.0.dist-info/METADATA").write_text("")
        answer = win.look()
        assert answer.values["env"] == ENV
        assert package_changes(answer.texts["env_changes"]) == ["click 1.0 removed", "emoji 2.0 added"]
        assert win.install().values == {"changed": "0"}
        (packages / "ray-1.0.dist-info/METADATA").unlink()
        assert "env" not in win.look().values, "another Ray is no change of its user's"

    def test_files_that_are_not_simply_deleted(self, win):
        """Read-only, or of more than 260 letters."""
        win.deployed()
        (win.env / "Lib/cannot-be-deleted").write_text("")
        assert win.destroy(purge=True).values == {"changed": "1"}
        assert win.files("") == set()

    def test_a_name_that_is_taken_stays_so(self, win):
        win.at(r".conda\envs\ray").mkdir(parents=True)
        answer = win.deployed()
        assert answer.values["note"] == (
            r"there is another conda environment ray (C:\Users\me\.conda\envs\ray); "
            rf"this one is: conda activate C:\Users\me\.rayfab\lab\envs\{ENV}"
        )
        win.destroy()
        assert win.at(r".conda\envs\ray").is_dir()

    def test_a_purge_leaves_a_conda_with_other_environments(self, win):
        win.deployed()
        win.at(r"conda\envs\mine").mkdir(parents=True)
        answer = win.destroy(purge=True)
        assert answer.values["kept"] == rf"conda stays in {PREFIX} (it holds environments: mine)"
        assert win.at(r"conda\Scripts\conda.exe").exists()


class TestTheTask:
    def test_of_a_user_who_is_no_administrator(self, win):
        win.flags("no-administrator")
        answer = win.deployed()
        assert answer.values["note"].startswith(
            "me is not an administrator there: Ray ends at the next log-off"
        )
        win.machine.reboot()
        assert win.machine.running() == {}
        win.machine.reboot(login=True)
        until(lambda: win.machine.running("raylet"))

    def test_of_one_who_is_not_logged_in(self, win):
        win.flags("no-administrator", "nobody-logged-in")
        win.fetch()
        win.install()
        answer = win.up()
        assert (
            answer.error == "me is not logged in there, and only the tasks of administrators run without that"
        )
        assert answer.hint.startswith("as administrator: net localgroup Administrators me /add")
        assert win.tasks() == []

    def test_whose_ray_always_fails(self, win):
        win.fetch()
        win.install()
        win.flags("ray-fails")
        answer = win.up()
        assert answer.error == "ray start failed twice"
        assert answer.texts["log"][-1] == "OSError: port 20000 is in use"
        assert win.machine.running() == {} and win.tasks() == []
        assert not win.node("state.json").exists()

    def test_what_outlived_its_loop_is_ended_and_others_are_not(self, win):
        win.deployed()
        foreign = win.at(r"other\raylet.exe")
        programs.put(foreign)
        stranger = win.machine.start(r"C:\Users\me\other\raylet.exe", [], {})
        (loop,) = win.machine.running("pythonw")
        os.kill(loop, signal.SIGKILL)
        until(lambda: not win.machine.running("pythonw"))
        win.stop()
        left = win.machine.running("raylet")
        assert list(left.values()) == [r"C:\Users\me\other\raylet.exe"]
        stranger.kill()
        stranger.communicate()

    def test_a_number_that_passed_on_to_a_stranger(self, win):
        win.deployed()
        win.stop()
        win.has("loop.pid", str(os.getpid()))
        assert win.look().values["active"] == "inactive"
        assert win.stop().values == {"changed": "0"}

    def test_the_folder_is_closed_and_the_token_in_no_argument(self, win):
        win.deployed()
        assert r"C:\Users\me\.rayfab" in win.machine.closed_to_others
        assert "t0ken" not in repr(win.machine.started) and "t0ken" not in "".join(win.log())
        assert win.node("token").read_text() == "t0ken"
