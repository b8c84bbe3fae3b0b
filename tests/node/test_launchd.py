"""A Mac whose node launchd keeps alive, against stand-ins for the Mac and its launchctl (mac.py, launchctl.py)."""

from __future__ import annotations

import contextlib
import json
import os
import plistlib
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.node import operations
from tasks.runtimes.facts import facts_script, parse_facts
from tests.node import launchctl
from tests.script import samples
from tests.script.mac import Mac, taken_out
from tests.script.nodes import RAY
from tests.script.processes import alive, environ, until
from tests.script.shells import SHELLS, ask, stand_in, tool
from tests.script.standins import SUDO

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")

PASSWORD = "it's $(secret)"
DAEMON = {"sudo": "password"}
INSTALL = """
printf '%s\\n' "$*" >>"$HOME/install.log"
[ "${AS_ROOT-}" = 1 ] && [ "$*" = "-m 644 -o root -g wheel $7 $8" ] && cp "$7" "$8"
"""


class Launched(Mac):
    """A Mac with launchd; its /Library is a folder of its home's."""

    def __init__(self, shell: str, folder: Path) -> None:
        super().__init__(shell, folder)
        self.root = self.home / "root"
        self.daemons = self.root / "Library/LaunchDaemons"
        self.daemons.mkdir(parents=True)
        (self.home / "Library").mkdir()
        self.agents = self.home / "Library/LaunchAgents"
        (self.bin / "sh").unlink()
        (self.bin / "sh").symlink_to(tool("busybox" if shell == "busybox" else shell))
        self.has("launchctl", f'exec {sys.executable} {launchctl.__file__} "$@"')
        self.has("sudo", SUDO)
        self.has("install", INSTALL)
        (self.home / "password").write_text(PASSWORD)
        stand_in(self.node / "envs/e/bin", "ray", RAY)
        (self.node / "envs/e/bin/python").symlink_to(sys.executable)
        (self.home / "mode").write_text("good")

    def run(self, script, **more):
        text = taken_out(script.text).replace('"/Library/', '"$HOME/root/Library/')
        secrets = {"RF_SUDO": PASSWORD} if "RF_SUDO" in script.secrets else {}
        return ask(text, self.shell, self.home, path=str(self.bin), secrets=secrets, **more)

    def up(self, **facts):
        known = {"system": "Darwin", "home": str(self.home), "user": "alice", "uid": 501, "systemd": False}
        of = samples.subject(**{**known, **facts})
        wanted = samples.desired(of, versions=samples.versions("e"))
        state = wanted.state("", "request")
        sudo = wanted.kind == "daemon"
        script = samples.up_script(of.host, "lab", wanted, str(self.home), state, sudo=sudo)
        return self.run(script), wanted

    def stop(self, sudo=True):
        return self.run(operations.stop_script("lab", sudo=sudo))

    def destroy(self, sudo=True):
        made = operations.destroy_script(samples.host(), "lab", sudo=sudo)
        values = {**made.values, "TEMP_DIR": f"{self.home}/temp"}
        return self.run(replace(made, values=values))

    def facts(self):
        answer = self.run(facts_script(samples.host(), "lab"))
        assert answer.stderr == ""
        return parse_facts(samples.host(), answer.all, answer.texts)

    @property
    def rays(self) -> list[int]:
        file = self.home / "pids"
        return [pid for pid in map(int, file.read_text().split()) if alive(pid)] if file.exists() else []

    def jobs(self) -> list[str]:
        folder = self.home / "launchd"
        return sorted(p.name for p in folder.iterdir() if p.name != "settling") if folder.exists() else []

    def reboot(self, login: bool = False) -> None:
        """The power is cut; then launchd reads its folder of daemons and, at a login, that of agents."""
        self.end()
        for file in (self.home / "launchd").iterdir():
            file.unlink()
        found = [("system", path) for path in sorted(self.daemons.iterdir())]
        if login and self.agents.exists():
            found += [("user/501", path) for path in sorted(self.agents.iterdir())]
        for domain, path in found:
            words = [str(self.bin / "launchctl"), "bootstrap", domain, str(path)]
            env = {"HOME": str(self.home), "PATH": str(self.bin), "TMPDIR": str(self.home), "AS_ROOT": "1"}
            subprocess.run(words, env=env, check=True)

    def end(self) -> None:
        """Leaves no process behind."""
        for file in (self.home / "launchd").glob("*_*"):
            with contextlib.suppress(OSError, ValueError, KeyError):
                os.kill(json.loads(file.read_text())["pid"] or os.getpid() + (1 << 30), signal.SIGKILL)
        for name in ("pids", "children"):
            file = self.home / name
            for pid in map(int, file.read_text().split()) if file.exists() else ():
                if alive(pid) and str(self.home).encode() in environ(pid):
                    os.kill(pid, signal.SIGKILL)
        until(lambda: not self.rays)


@pytest.fixture(params=SHELLS)
def mac(request, tmp_path):
    made = Launched(request.param, tmp_path)
    yield made
    made.end()


@pytest.fixture(scope="module", params=SHELLS)
def started(request, tmp_path_factory):
    made = Launched(request.param, tmp_path_factory.mktemp("daemon"))
    yield made, *made.up(**DAEMON)
    made.end()


class TestDaemon:
    """A daemon that is started once for all of these; the last two stop and destroy it."""

    @pytest.fixture
    def mac(self, started):
        return started[0]

    def test_start_loads_a_job_that_runs_as_the_user(self, started):
        mac, answer, wanted = started
        assert answer.ok, answer.error
        assert wanted.kind == "daemon" and "note" not in answer.values
        file = mac.daemons / "rayfab-lab.plist"
        assert file.read_text() == wanted.files["UNIT_TEXT"]
        job = plistlib.loads(file.read_bytes())
        assert (job["UserName"], job["ProgramArguments"]) == ("alice", ["/bin/sh", f"{mac.node}/start.sh"])
        assert len(mac.rays) == 1
        assert mac.jobs() == ["system_rayfab-lab"]
        assert "secret" not in "".join(mac.log("sudo"))

    def test_it_is_active_and_kept_alive(self, mac):
        (before,) = mac.rays
        facts = mac.facts()
        assert (facts.service, facts.active) == ("daemon", True)
        os.kill(before, signal.SIGKILL)
        until(lambda: (now := mac.rays) and before not in now)

    def test_it_is_restarted_though_launchd_is_slow_to_forget_the_former_job(self, mac):
        (before,) = mac.rays
        answer, _ = mac.up(**DAEMON)
        assert answer.ok, answer.error
        (after,) = mac.rays
        assert after != before
        tries = [line for line in mac.log("launchctl") if line.startswith("bootstrap")]
        assert len(tries) > 2, "the first one came too early"

    def test_it_is_back_after_a_reboot_without_a_login(self, mac):
        mac.reboot()
        until(lambda: mac.rays)

    def test_a_stopped_daemon_stays_stopped_after_a_reboot(self, mac):
        assert mac.stop().values == {"changed": "1"}
        assert (mac.rays, mac.jobs(), list(mac.daemons.iterdir())) == ([], [], [])
        assert mac.facts().active is False
        assert mac.stop().values == {"changed": "0"}
        mac.reboot(login=True)
        assert mac.jobs() == []

    def test_destroy_removes_it(self, mac):
        assert mac.up(**DAEMON)[0].ok
        assert mac.destroy().values == {"changed": "1"}
        assert (mac.rays, mac.jobs(), list(mac.daemons.iterdir())) == ([], [], [])
        assert not (mac.home / ".rayfab").exists() and not mac.agents.exists()


def test_an_agent_runs_from_login_until_it_is_stopped(mac):
    answer, wanted = mac.up()
    assert answer.ok, answer.error
    assert wanted.kind == "agent"
    assert answer.values["note"] == (
        "no sudo here: after a reboot Ray comes back only when alice logs in; with a sudo_password in the hosts file "
        "it becomes a daemon, which starts at boot"
    )
    assert (mac.agents / "rayfab-lab.plist").read_text() == wanted.files["UNIT_TEXT"]
    assert mac.jobs() == ["user_501_rayfab-lab"]
    assert mac.facts().active
    mac.reboot()
    assert mac.jobs() == [] and mac.facts().active is False
    mac.reboot(login=True)
    until(lambda: mac.rays)
    assert mac.stop(sudo=False).values == {"changed": "1"}
    assert (mac.rays, mac.jobs(), list(mac.agents.iterdir())) == ([], [], [])
    assert mac.destroy(sudo=False).values == {"changed": "1"}
    assert not mac.agents.exists() and (mac.home / "Library").exists()
    assert not [line for line in mac.log("sudo") if "launchctl" in line]


def test_an_agent_where_only_the_session_at_the_screen_takes_it(mac):
    for flag in ("launchd.gui", "launchd.nouser"):
        (mac.home / flag).touch()
    answer, _ = mac.up()
    assert answer.ok, answer.error
    assert mac.jobs() == ["gui_501_rayfab-lab"]
    assert plistlib.loads((mac.agents / "rayfab-lab.plist").read_bytes())["LimitLoadToSessionType"] == "Aqua"
    assert mac.facts().active
    assert mac.stop(sudo=False).values == {"changed": "1"}
    assert (mac.rays, mac.jobs()) == ([], [])


def test_an_agent_that_no_session_takes(mac):
    (mac.home / "launchd.nouser").touch()
    answer, _ = mac.up()
    assert answer.error == (
        "launchd rejected the agent rayfab-lab: Bootstrap failed: 125: Domain does not support specified action"
    )
    assert json.loads((mac.node / "state.json").read_text())["hash"] == ""


def test_what_others_keep_there_stays(mac):
    mac.agents.mkdir()
    (mac.agents / "other.plist").write_text("")
    assert mac.up()[0].ok
    assert mac.destroy(sudo=False).ok
    assert [path.name for path in mac.agents.iterdir()] == ["other.plist"]


def test_from_a_loop_to_an_agent_to_a_daemon(mac):
    """What a former version of this project left there, then a Mac that has got a sudo password."""
    answer, wanted = mac.up(system="Linux")
    assert answer.ok and wanted.kind == "loop"
    loop = int((mac.node / "loop.pid").read_text())
    (before,) = mac.rays
    assert mac.up()[0].ok
    assert not alive(loop) and not alive(before) and not (mac.node / "loop.pid").exists()
    assert mac.jobs() == ["user_501_rayfab-lab"]
    assert mac.up(**DAEMON)[0].ok
    assert mac.jobs() == ["system_rayfab-lab"] and not mac.agents.exists()
    assert len(mac.rays) == 1


def test_a_daemon_whose_ray_always_fails(mac):
    (mac.home / "mode").write_text("bad")
    answer, _ = mac.up(**DAEMON)
    assert answer.error == "ray start failed twice"
    assert answer.texts["log"][-1] == "OSError: port 20000 is in use"
    assert (mac.rays, mac.jobs(), list(mac.daemons.iterdir())) == ([], [], [])


def test_a_daemon_without_the_password(mac):
    """Without the password root is out of reach: the stop is refused, and the daemon goes on."""
    assert mac.up(**DAEMON)[0].ok
    answer = mac.stop(sudo=False)
    assert answer.error.startswith("cannot remove ") and answer.error.endswith(
        "/LaunchDaemons/rayfab-lab.plist"
    )
    assert len(mac.rays) == 1 and mac.jobs() == ["system_rayfab-lab"]
