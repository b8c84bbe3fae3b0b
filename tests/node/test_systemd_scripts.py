"""The scripts that deal with systemd, run for real against stand-ins for systemctl and its like."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tasks.node import homes, operations
from tests.script import samples
from tests.script.processes import alive, until
from tests.script.shells import SHELLS, stand_in, tool
from tests.script.standins import ID, SUDO, SYSTEMCTL, Host

RAY = 'echo $$ >>"$HOME/pids"; echo "Ray runtime started."; exec sleep 600'
PASSWORD = "it's $(secret)"


@pytest.fixture(params=SHELLS)
def host(request, tmp_path):
    made = Host(request.param, tmp_path)
    made.has("systemctl", SYSTEMCTL)
    made.has("loginctl", 'printf "%s\\n" "$*" >>"$HOME/loginctl.log"; [ ! -e "$HOME/loginctl.fails" ]')
    made.has("id", ID)
    made.has("sudo", SUDO)
    made.has(
        "install",
        'printf "%s\\n" "$*" >>"$HOME/install.log"; case $4 in */unit) cp "$4" "$HOME/unit" ;; esac',
    )
    made.has("sh", f'exec {tool("dash")} "$@"')
    (made.home / "password").write_text(PASSWORD)
    stand_in(made.node / "envs/e/bin", "ray", RAY)
    # for the watch, which starts it
    stand_in(made.node / "envs/e/bin", "python", f'exec {sys.executable} "$@"')
    yield made
    for word in (made.home / "pids").read_text().split() if (made.home / "pids").exists() else ():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(word), signal.SIGKILL)


def up(host, **facts):
    of = samples.subject(home=str(host.home), user="alice", uid=1000, **facts)
    wanted = samples.desired(of, versions=samples.versions("e"))
    state = wanted.state("", "request")
    script = samples.up_script(of.host, "lab", wanted, str(host.home), state, sudo=wanted.kind == "system")
    secrets = {"RF_SUDO": PASSWORD} if wanted.kind == "system" else {}
    return host.ask(script, secrets=secrets), wanted, state


def destroy(host, **more):
    made = operations.destroy_script(samples.host(), "lab", **more)
    return host.ask(made.text.replace("TEMP_DIR=/tmp/ray\n", f"TEMP_DIR={host.home}/temp\n"))


def commands(host) -> list[str]:
    """What systemctl was told to do; questions are left out."""
    return [line for line in host.log("systemctl") if "is-active" not in line]


def known_here() -> dict[str, str]:
    """What makes the name of this machine."""
    try:
        return {"hostname": platform.node(), "machine_id": Path("/etc/machine-id").read_text().strip()}
    except OSError:
        return {"hostname": platform.node(), "machine_id": ""}


class TestSystem:
    def test_a_system_unit_is_started_stopped_and_destroyed_with_sudo(self, host):
        answer, wanted, state = up(host, sudo="password")
        assert answer.ok, answer.error
        assert wanted.kind == "system"
        assert json.loads((host.node / "state.json").read_text()) == state
        assert host.log("install") == [
            f"-D -m 644 {host.node}/tmpfiles /etc/tmpfiles.d/rayfab-lab.conf",
            f"-D -m 644 {host.node}/unit /etc/systemd/system/rayfab-lab.service",
        ]
        kept = "d /tmp/ray 1777 root root -\nx /tmp/ray/*\nx /tmp/rayfab-lab-*\n"
        assert (host.node / "tmpfiles").read_text() == kept
        assert (host.home / "unit").read_text() == wanted.files["UNIT_TEXT"]
        wanted_commands = ["daemon-reload", "enable --quiet rayfab-lab", "restart --no-block rayfab-lab"]
        assert commands(host) == wanted_commands
        # sudo starts a shell, which keeps what sudo did not read of the password away from the command
        run = [line.rpartition('exec "$@" sh ')[2] for line in host.log("sudo") if "true" not in line]
        assert run[2:] == [f"systemctl {command}" for command in wanted_commands]
        assert not [line for line in host.log("sudo") if "secret" in line]

        stop = operations.stop_script("lab", sudo=True)
        assert host.ask(stop, secrets={"RF_SUDO": PASSWORD}).values == {"changed": "1"}
        assert host.log("systemctl")[-2:] == ["disable --now --quiet rayfab-lab", "reset-failed rayfab-lab"]
        assert host.ask(stop, secrets={"RF_SUDO": PASSWORD}).values == {"changed": "0"}

        made = operations.destroy_script(samples.host(), "lab", sudo=True)
        text = made.text.replace("TEMP_DIR=/tmp/ray\n", f"TEMP_DIR={host.home}/temp\n")
        host.has(
            "rm",
            'printf "%s\\n" "$*" >>"$HOME/rm.log"; case "$*" in */etc/*) ;; *) exec /bin/rm "$@" ;; esac',
        )
        assert host.ask(text, secrets={"RF_SUDO": PASSWORD}).values == {"changed": "1"}
        assert "-f /etc/systemd/system/rayfab-lab.service" in host.log("rm")
        assert host.log("systemctl")[-1] == "daemon-reload"
        assert not host.node.exists()

    def test_root_that_may_not_read_the_home(self, host):
        """As NFS has it with root_squash: what root installs travels to it as text."""
        host.has("install", "exit 1")
        write = 'printf "%s" "$4" >"$HOME/unit.${5##*/}"'
        host.has("sh", f'case "$2" in mkdir*) {write} ;; *) exec {tool("dash")} "$@" ;; esac')
        answer, wanted, _ = up(host, sudo="password")
        assert answer.ok, answer.error
        assert (host.home / "unit.rayfab-lab.service").read_text() + "\n" == wanted.files["UNIT_TEXT"]
        assert (host.home / "unit.rayfab-lab.conf").read_text() == (
            "d /tmp/ray 1777 root root -\nx /tmp/ray/*\nx /tmp/rayfab-lab-*"
        )

    def test_systemd_says_no(self, host):
        (host.home / "systemctl.fails").write_text("")
        answer, *_ = up(host, sudo="password")
        assert answer.error == "systemd rejected the unit rayfab-lab"
        assert answer.hint == "look at: systemctl status rayfab-lab"
        assert json.loads((host.node / "state.json").read_text())["hash"] == ""


class TestUser:
    def unit(self, host):
        return host.home / ".config/systemd/user/rayfab-lab.service"

    def test_a_user_unit_is_started_stopped_and_destroyed_without_sudo(self, host):
        answer, wanted, _ = up(host, user_systemd=True)
        assert answer.ok, answer.error
        assert wanted.kind == "user" and "note" not in answer.values
        assert self.unit(host).read_text() == wanted.files["UNIT_TEXT"]
        assert commands(host) == [
            "--user daemon-reload",
            "--user enable --quiet rayfab-lab",
            "--user restart --no-block rayfab-lab",
        ]
        assert host.log("loginctl") == ["enable-linger"] and host.log("sudo") == []
        assert host.ask(operations.stop_script("lab")).values == {"changed": "1"}
        assert host.log("systemctl")[-2:] == [
            "--user disable --now --quiet rayfab-lab",
            "--user reset-failed rayfab-lab",
        ]

        assert destroy(host).values == {"changed": "1"}
        assert not (host.home / ".rayfab").exists() and not (host.home / ".config").exists()
        assert host.log("loginctl") == ["enable-linger", "disable-linger"]

    def test_what_the_user_had_stays(self, host):
        """A folder and another unit; and lingering that could not be turned on is not turned off."""
        other = self.unit(host).with_name("other.service")
        other.parent.mkdir(parents=True)
        other.write_text("")
        (host.home / "loginctl.fails").write_text("")
        answer, *_ = up(host, user_systemd=True)
        assert answer.ok
        assert answer.values["note"] == (
            "no lingering: Ray ends when the last session of alice does; "
            "ask root for: loginctl enable-linger alice"
        )
        assert destroy(host).values == {"changed": "1"}
        assert other.exists() and not self.unit(host).exists()
        assert host.log("loginctl") == ["enable-linger"]

    def test_lingering_goes_with_the_last_cluster_that_needs_it(self, host):
        answer, *_ = up(host, user_systemd=True)
        assert answer.ok
        other = host.home / ".rayfab/other"
        other.mkdir()
        (other / "service").write_text("user")
        assert destroy(host).values == {"changed": "1"}
        assert host.log("loginctl") == ["enable-linger"]
        assert (other / "made-linger").exists()

    def test_another_kind_of_node_takes_the_unit_away(self, host):
        """As root now, say: the user's own unit would be found by nobody any more."""
        assert up(host, user_systemd=True)[0].ok
        answer, wanted, _ = up(host, systemd=False)
        assert answer.ok and wanted.kind == "loop"
        assert not (host.home / ".config").exists()
        assert host.log("loginctl") == ["enable-linger", "disable-linger"]
        assert host.ask(operations.stop_script("lab")).values == {"changed": "1"}

    def test_without_its_folder_it_is_found_by_its_name(self, host):
        """Somebody has removed ~/.rayfab: neither a stop nor a destroy says that nothing was there."""
        answer, *_ = up(host, user_systemd=True)
        assert answer.ok, answer.error
        pid = int((host.home / "unit.pid").read_text())
        shutil.rmtree(host.node.parent)
        assert host.ask(operations.stop_script("lab")).values == {"changed": "1"}
        # the manager reports the end before the process is gone
        until(lambda: not alive(pid))
        assert not (host.home / "unit.pid").exists()
        assert destroy(host).values == {"changed": "1"}
        assert not self.unit(host).exists() and not (host.home / ".rayfab").exists()
        assert destroy(host).values == {"changed": "0"}

    def test_in_a_home_of_several_hosts_each_starts_its_own(self, host):
        """The manager of each host loads the units of all: a condition lets it start one of them."""
        first = self.unit(host)
        first.parent.mkdir(parents=True)
        first.write_text("[Unit]\nDescription=the first\n")
        here = homes.host_id(samples.with_facts(samples.subject(), **known_here()).facts)
        own = host.node / "hosts" / here
        own.mkdir(parents=True)
        (host.node / "hosts/other.one-0123abcd").symlink_to("..")
        answer, wanted, _ = up(host, user_systemd=True, node=str(own))
        assert answer.ok, answer.error
        unit = first.with_name(f"rayfab-lab-{here}.service")
        name = f"[Unit]\nConditionHost={platform.node()}\n"
        assert unit.read_text() == wanted.files["UNIT_TEXT"].replace("[Unit]\n", name)
        assert f'"{own}/start.sh"' in unit.read_text()
        assert first.read_text() == "[Unit]\nConditionHost=other.one\nDescription=the first\n"
        assert destroy(host).values == {"changed": "1"}
        assert first.exists() and not unit.exists() and not own.exists()

    def test_systemd_says_no(self, host):
        (host.home / "systemctl.fails").write_text("")
        answer, *_ = up(host, user_systemd=True)
        assert answer.error == "systemd --user rejected the unit rayfab-lab"


def test_from_a_loop_to_a_unit(host):
    """A host that has got systemd in the meantime: what ran before is stopped first."""
    answer, wanted, _ = up(host, systemd=False)
    assert answer.ok and wanted.kind == "loop"
    loop = int((host.node / "loop.pid").read_text())
    answer, *_ = up(host, user_systemd=True)
    assert answer.ok, answer.error
    assert not (host.node / "loop.pid").exists()
    assert not alive(loop)
    assert host.ask(operations.stop_script("lab")).values == {"changed": "1"}
