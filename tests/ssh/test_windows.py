"""Windows hosts over the stand-in for Windows' OpenSSH server, whatever its default shell is."""

from __future__ import annotations

import subprocess
import threading
import time

import paramiko
import pytest

from tasks.inventory.secret import Secret
from tasks.node import operations
from tasks.script import powershell
from tasks.ssh import (
    Cancelled,
    CarryFailed,
    ConnectionLost,
    Settings,
    StepTimeout,
    Target,
    Unfinished,
    connect,
)
from tests.standins.windows.machine import Machine
from tests.standins.windows.server import WindowsSshd

LIB = """
$Out = [IO.StreamWriter]::new([Console]::OpenStandardOutput(), [Text.UTF8Encoding]::new($false))
function Line($text) { $Out.Write($text + "`r`n") }
function Coded($text) {
    $Out.Write($RF_MARK + ' b64 ' + [Convert]::ToBase64String([Text.UTF8Encoding]::new($false).GetBytes($text)) + "`n")
}
"""


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


@pytest.fixture(params=["cmd", "powershell", "bash"])
def server(request, key, tmp_path):
    machine = Machine(tmp_path / "C")
    with WindowsSshd(machine, paramiko.Ed25519Key(filename=str(key)), request.param) as made:
        yield made
        assert made.wrong == []


@pytest.fixture
def host(server, key, tmp_path):
    (tmp_path / "ssh_config").write_text("Host *\n  IdentityFile none\n")
    settings = Settings(ssh_config=tmp_path / "ssh_config", known_hosts=tmp_path / "known", agent="")
    target = Target("win", server.address, user="me", port=server.port, key=str(key))
    with connect(target, settings) as opened:
        yield opened


def test_it_is_known_for_what_it_is(host):
    assert host.system == "windows"


def test_values_progress_and_chatter(host):
    steps, lines = [], []
    script = LIB + (
        "Line ($RF_MARK + ' kv home ' + $env:USERPROFILE); Line 'noise'; Line ($RF_MARK + ' step half way')\n"
        "Coded 'kv name 中文 ñ 🙂'; Coded 'say été'; Line ($RF_MARK + ' say plain'); Line ($RF_MARK + ' end 0')\nexit 0"
    )
    answer = host.ask(script, timeout=20, on_step=steps.append, on_line=lines.append)
    assert (answer.ok, answer.stderr) == (True, "")
    assert answer.values == {"home": r"C:\Users\me", "name": "中文 ñ 🙂"}
    assert (steps, lines) == (["half way"], ["noise", "été", "plain"])


def test_a_secret_comes_through_and_is_not_shown(host, server):
    secret = "it's ‘quoted’ “$env:PATH” `n \\ 🙂"
    script = (
        LIB
        + "Coded ('kv back ' + $RF_TOKEN); Coded ('kv error leaked ' + $RF_TOKEN); Line ($RF_MARK + ' end 1')"
    )
    answer = host.ask(script, secrets={"RF_TOKEN": Secret(secret)}, timeout=20)
    assert answer.values["back"] == secret
    assert answer.error == "leaked ***"
    assert secret not in repr(server.commands)


def test_a_script_that_throws_is_a_failure(host):
    with pytest.raises(Unfinished, match=r"^win: the script ended early with status 1: no such thing"):
        host.ask("throw 'no such thing'", timeout=20)


def test_nothing_runs_of_a_script_with_a_syntax_error(host):
    with pytest.raises(Unfinished, match="ParserError") as caught:
        host.ask(LIB + "Line 'begun'\nif ($true) {", timeout=20)
    assert caught.value.answer.chatter == ""


def test_a_script_is_sent_in_the_language_of_the_host(host):
    script = operations.stop_script("lab")
    assert host.text_of(script) == powershell.text_of(script)


def test_a_long_script_is_no_long_command(host, server):
    answer = host.ask(LIB + "# " + "x" * 300_000 + "\nLine ($RF_MARK + ' end 0')", timeout=20)
    assert answer.ok
    assert max(map(len, server.commands)) < 8191


def test_a_script_over_its_timeout_is_ended(host):
    with pytest.raises(StepTimeout):
        host.ask("while ($true) { [Threading.Thread]::Sleep(50) ; [Console]::Out.Write(' ') }", timeout=0.5)


def test_stopped_from_this_side(host):
    threading.Timer(0.5, host.cancel).start()
    with pytest.raises(Cancelled):
        host.ask("while ($true) { [Threading.Thread]::Sleep(50) ; [Console]::Out.Write(' ') }", timeout=20)


def test_a_lost_connection_is_reported(host, server):
    threading.Timer(0.5, server.drop).start()
    with pytest.raises(ConnectionLost):
        host.ask("while ($true) { [Threading.Thread]::Sleep(50) ; [Console]::Out.Write(' ') }", timeout=20)


class TestPut:
    @pytest.mark.parametrize("size", [0, 1, 100_000, 1_000_001])
    def test_a_file_arrives(self, host, server, size):
        data = bytes(i * 7 % 256 for i in range(1000)) * (size // 1000) + bytes(size % 1000)
        told = []
        host.carry(
            data, "C:/Users/me/.rayfab/lab/é 'x'.bin", on_bytes=lambda sent, total: told.append((sent, total))
        )
        assert server.machine.drive.at("C:/Users/me/.rayfab/lab/é 'x'.bin").read_bytes() == data
        assert told[-1:] == ([(size, size)] if size else [])

    def test_a_relative_path_is_in_the_home(self, host, server):
        host.carry(b"a", "~/one.txt")
        host.carry(b"b", "~/one.txt")
        assert server.machine.drive.at("C:/Users/me/one.txt").read_bytes() == b"b"

    def test_a_folder_is_no_place(self, host, server):
        server.machine.drive.at("C:/Users/me/there").mkdir()
        with pytest.raises(CarryFailed, match="it is a directory"):
            host.carry(b"a", "there")
        assert [p.name for p in server.machine.drive.at("C:/Users/me").iterdir()] == ["there"]

    def test_half_of_a_file_is_no_file(self, host, server):
        def stop(sent, total):
            raise RuntimeError("cut")

        with pytest.raises(RuntimeError):
            host.carry(bytes(200_000), "half", on_bytes=stop)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and server.ended < len(server.commands):
            time.sleep(0.05)
        assert list(server.machine.drive.at("C:/Users/me").iterdir()) == []
