"""Many connections as one Fabric group. One is a real sshd, the others are this machine."""

from __future__ import annotations

import sys

import fabric
import pytest
from fabric.exceptions import GroupException

from tasks.ssh import Fleet, Target, connection_to
from tasks.ssh.fleet import Labelled

END = 'echo "$RF_MARK end 0"'


@pytest.fixture
def fleet(server, settings):
    targets = [
        server.target(name="far", key=str(server.key)),
        *(Target(n, n, local=True) for n in ("a", "bb")),
    ]
    with Fleet(*(connection_to(target, settings) for target in targets)) as made:
        yield made


def test_results_are_those_of_a_fabric_group(fleet):
    result = fleet.run("echo $((6 * 7))", hide=True)
    assert isinstance(fleet, fabric.Group) and isinstance(result, fabric.GroupResult)
    assert list(result) == list(fleet)
    assert {c.name: r.stdout for c, r in result.items()} == {"far": "42\n", "a": "42\n", "bb": "42\n"}


def test_one_failure_leaves_the_others_alone(fleet):
    with pytest.raises(GroupException) as caught:
        fleet.run('[ -z "$SSH_CONNECTION" ] || exit 5', hide=True)
    assert [c.name for c in caught.value.result.succeeded] == ["a", "bb"]
    assert {c.name: e.result.exited for c, e in caught.value.result.failed.items()} == {"far": 5}


def test_each_line_of_output_has_its_host_s_name(fleet, capsys):
    fleet.run("echo one; printf 'no newline'; echo wrong >&2")
    said = capsys.readouterr()
    assert sorted(said.out.splitlines()) == sorted(
        f"{name} {line}" for name in ("far", "a  ", "bb ") for line in ("one", "no newline")
    )
    assert sorted(said.err.splitlines()) == ["a   wrong", "bb  wrong", "far wrong"]


def test_hide_hides_it(fleet, capsys):
    fleet.run("echo one", hide=True)
    assert capsys.readouterr() == ("", "")


def test_lines_that_come_in_pieces_stay_whole(capsys):
    stream = Labelled(sys.stdout, "a")
    for piece in ("o", "ne\ntw", "o", "\n\n"):
        stream.write(piece)
    stream.finish()
    assert capsys.readouterr().out == "a one\na two\na \n"


def test_a_fleet_carries_files_and_runs_scripts(fleet, tmp_path):
    fleet.carry(b"carried", str(tmp_path / "file"))
    answers = fleet.ask(f'echo "$RF_MARK kv file $(cat {tmp_path}/file)"; {END}', timeout=30)
    assert [answer.values for answer in answers.values()] == [{"file": "carried"}] * 3


def test_connections_of_fabric_s_own_may_be_among_them(server, settings, fleet):
    key = {"key_filename": str(server.key), "look_for_keys": False, "allow_agent": False}
    own = fabric.Connection(
        "127.0.0.1",
        "other",
        server.port,
        fabric.Config(overrides={"load_ssh_configs": False}),
        connect_kwargs=key,
    )
    mixed = Fleet.from_connections([*fleet, own])
    with pytest.raises(GroupException) as caught:
        mixed.run("true", hide=True)
    assert list(caught.value.result.failed) == [own]
    mixed.cancel()


def test_a_fleet_without_hosts_runs_nothing():
    assert Fleet().run("true") == {}
