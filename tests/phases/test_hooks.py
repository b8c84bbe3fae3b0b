"""The scripts of the user around a deploy: which run, for which hosts, and what a failure ends."""

from __future__ import annotations

import functools
import json
import subprocess

import pytest

from tasks.actions import summary
from tasks.actions.cli import inherited
from tasks.node.hook import hook_script
from tasks.node.operations import lock_script
from tasks.phases import operation
from tasks.phases.hooks import show_after_join
from tasks.phases.roll import roll
from tasks.run import hooks
from tasks.run.rolling import Rolling, progress
from tasks.run.step import Step
from tasks.script import protocol
from tasks.ssh import Settings, Target
from tasks.ssh.local import LocalConnection
from tests.phases.conftest import THREE
from tests.phases.test_upgrade_phases import rollback, upgrade
from tests.phases.world import FakeConnection, refused, said

ON_HOST = "before_deploy: host: ./prepare"


@pytest.fixture
def hooked(fleet, world, tmp_path, monkeypatch):
    """hooked("before_deploy: [...]"): a hosts file with these hooks; those that run here really run here."""
    monkeypatch.setattr(hooks, "connect", lambda target, settings: LocalConnection(target, settings))

    def write(text: str) -> None:
        fleet.write(f"{THREE}\nhooks:\n  {text}\n")
        for name in ("head", "one", "two"):
            world[name].replies.setdefault(ON_HOST, said())

    return write


def ran(world, title: str) -> list[str]:
    return [name for name in ("head", "one", "two") if title in world[name].titles]


class TestBeforeDeploy:
    def test_runs_on_every_host_before_anything_is_changed(self, fleet, world, hooked):
        hooked("before_deploy: [{host: ./prepare}]")
        assert fleet.operate(operation.DEPLOY) == 0
        assert ran(world, ON_HOST) == ["head", "one", "two"]
        titles = world["one"].titles
        assert titles.index(ON_HOST) < titles.index("install Ray with uv")

    def test_a_worker_on_which_it_fails_is_left_as_it_is_and_the_others_go_on(self, fleet, world, hooked):
        hooked("before_deploy: [{host: ./prepare}]")
        world["one"].replies[ON_HOST] = refused("")
        assert fleet.operate(operation.DEPLOY, summary.deployed) == 1
        assert "before_deploy" in fleet.failure("one").message
        assert fleet.done() == [["installed", "started"], [], ["installed", "started"]]

    def test_without_the_head_nothing_goes_on(self, fleet, world, hooked):
        hooked("before_deploy: [{host: ./prepare}]")
        world["head"].replies[ON_HOST] = refused("")
        assert fleet.operate(operation.DEPLOY) == 1
        assert fleet.done() == [[], [], []]

    def test_a_dry_run_shows_it_and_runs_nothing(self, fleet, world, hooked, tmp_path):
        hooked("before_deploy: [{host: ./prepare}, {here: touch ran}]\n  after_join: [{here: ./tell}]")
        end = functools.partial(summary.planned, scripts=False)
        assert fleet.operate(operation.PREPARE, end, dry_run=True) == 0
        assert fleet.lines("before_deploy") == ["before_deploy would run for head, one, two:"]
        assert fleet.lines("after_join") == ["after_join would run for head, one, two:"]
        assert fleet.lines("here:") == ["here: touch ran", "here: ./tell"]
        assert ran(world, ON_HOST) == []
        assert not (tmp_path / "ran").exists()

    def test_with_a_limit_for_these_hosts_only(self, fleet, world, hooked):
        hooked("before_deploy: [{host: ./prepare}]")
        fleet.operate(operation.DEPLOY)
        world.forget_titles()
        fleet.operate(operation.DEPLOY, limit=["two"])
        assert ran(world, ON_HOST) == ["two"]


class TestHere:
    def test_in_the_folder_of_the_hosts_file_with_facts_and_the_lock(self, fleet, world, hooked, tmp_path):
        hooked("after_join: [{here: env >env.$RAYFAB_HOST}]")
        assert fleet.operate(operation.DEPLOY) == 0
        lines = (tmp_path / "env.one").read_text().splitlines()
        assert {
            "RAYFAB_HOOK=after_join",
            "RAYFAB_CLUSTER=lab",
            "RAYFAB_ADDRESS=10.0.0.2",
            "RAYFAB_ROLE=worker",
            "RAYFAB_NODE_IP=10.0.0.2",
            "RAYFAB_RAY=2.52.0",
            f"RAY_HOSTS_FILE={fleet.path}",
            "RAYFAB_LOCK=lab me@here since today: deploy-cluster",
        } <= set(lines)
        assert (tmp_path / "env.head").exists()

    def test_not_again_where_nothing_was_started(self, fleet, world, hooked, tmp_path):
        hooked("after_join: [{here: 'echo x >>ran'}]")
        fleet.operate(operation.DEPLOY)
        fleet.operate(operation.DEPLOY)
        assert (tmp_path / "ran").read_text().splitlines() == ["x", "x", "x"]

    def test_a_worker_on_which_it_fails_is_stopped_again(self, fleet, world, hooked):
        hooked("after_join: [{here: 'echo no GPU >&2; [ $RAYFAB_HOST != two ]'}]")
        assert fleet.operate(operation.DEPLOY, summary.deployed) == 1
        assert fleet.run.done(fleet.node("two")) == ["installed", "started", "stopped"]
        assert fleet.run.done(fleet.node("one")) == ["installed", "started"]
        assert fleet.failure("two").log == ("no GPU",)
        assert "ended with status 1" in fleet.failure("two").message

    def test_of_several_the_first_that_fails_is_the_last(self, fleet, hooked, tmp_path):
        hooked("before_deploy: [{here: exit 3}, {here: touch ran}]")
        fleet.operate(operation.DEPLOY)
        assert "ended with status 3" in fleet.failure("one").message
        assert not (tmp_path / "ran").exists()


class TestAfterEachStart:
    """Where a node joins through a command: each time, for the hosts of that command."""

    RECORDS = "after_join: [{here: 'echo $RAYFAB_HOST $RAYFAB_RAY >>ran; [ $RAYFAB_HOST != \"$FAILS\" ]'}]"

    @pytest.fixture
    def up(self, fleet, hooked, monkeypatch):
        monkeypatch.setenv("FAILS", "")
        hooked(self.RECORDS)
        fleet.edit("cluster: lab", "cluster: lab\nray: {version: 2.52.0}")
        assert fleet.operate(operation.DEPLOY) == 0, fleet.out
        self.joined(fleet)
        return fleet

    def joined(self, fleet) -> list[str]:
        """The hosts for which it ran since the last question, each with the version of Ray."""
        file = fleet.path.parent / "ran"
        lines = sorted(file.read_text().splitlines()) if file.exists() else []
        file.unlink(missing_ok=True)
        return lines

    def rolling(self, up, **more) -> int:
        how = Rolling(**{"batch": "1", "canary": 0, "most_failures": 0, **more}, progress=self.progress(up))
        return up.operate(
            (*operation.ROLLING, roll(how)), summary.deployed, limit=["one", "two"], what="restart --rolling"
        )

    def progress(self, up):
        return progress(up.path.parent / "rolling.json", "key", 1000.0)

    @pytest.mark.parametrize("steps", [operation.RESTART, operation.START], ids=["restart", "start"])
    def test_restart_and_start(self, up, steps):
        if steps is operation.START:
            up.operate(operation.STOP)
        assert up.operate(steps) == 0
        assert self.joined(up) == ["head 2.52.0", "one 2.52.0", "two 2.52.0"]

    def test_rolling(self, up):
        assert self.rolling(up) == 0
        assert self.joined(up) == ["one 2.52.0", "two 2.52.0"]

    def test_rolling_a_failure_is_that_worker_s_and_ends_it(self, up, world, monkeypatch):
        monkeypatch.setenv("FAILS", "one")
        assert self.rolling(up) == 1
        assert self.joined(up) == ["one 2.52.0"]
        assert not world["one"].active and world["two"].active
        assert "more than --max-failures 0: 1 host not restarted" in up.out
        assert json.loads(self.progress(up).path.read_text())["done"] == []

    def test_upgrade_and_rollback(self, up):
        assert upgrade(up) == 0, up.out
        assert self.joined(up) == ["head 2.53.0", "one 2.53.0", "two 2.53.0"]
        assert rollback(up) == 0, up.out
        assert self.joined(up) == ["head 2.52.0", "one 2.52.0", "two 2.52.0"]

    def test_upgrade_a_failure_stops_that_worker_alone(self, up, world, monkeypatch):
        monkeypatch.setenv("FAILS", "two")
        assert upgrade(up) == 1
        assert [world[name].active for name in ("head", "one", "two")] == [True, True, False]
        assert world["one"].state["ray"] == "2.53.0" and "2.53.0" in up.path.read_text()
        assert "ended with status 1" in up.failure("two").message

    def test_an_upgrade_that_goes_back(self, up, world):
        world["two"].starts_ray = "2.52.0"
        assert upgrade(up) == 1
        assert self.joined(up) == ["head 2.52.0", "one 2.52.0", "two 2.52.0"]
        assert "Ray 2.52.0 runs again on all hosts" in up.out

    def test_an_upgrade_that_goes_back_to_a_hook_that_fails(self, up, world, monkeypatch):
        monkeypatch.setenv("FAILS", "one")
        world["two"].starts_ray = "2.52.0"
        assert upgrade(up) == 1
        assert "Ray 2.52.0 runs again, but a hook failed on one" in up.out
        assert [world[name].active for name in ("head", "one", "two")] == [True, False, True]

    def test_a_dry_run_of_an_upgrade_shows_it_and_runs_nothing(self, up):
        assert upgrade(up, dry_run=True, end=functools.partial(summary.planned, hooks=show_after_join)) == 0
        assert up.lines("after_join") == ["after_join would run for head, one, two:"]
        assert self.joined(up) == []

    def test_a_script_that_is_not_there_stops_no_node(self, up):
        up.edit(self.RECORDS, "after_join: [{script: none.sh}]")
        assert up.operate(operation.ROLLBACK, what="rollback") == 2
        assert "none.sh" in up.out


class TestOnFailure:
    def test_for_each_host_that_failed_with_the_reason(self, fleet, world, hooked, tmp_path):
        hooked("on_failure: [{here: 'echo \"$RAYFAB_HOST: $RAYFAB_ERROR\" >>failed'}, {host: ./tidy}]")
        tidy = "on_failure: host: ./tidy"
        world["one"].replies[tidy] = said()
        world["one"].replies["install Ray with uv"] = refused("no space left")
        assert fleet.operate(operation.DEPLOY) == 1
        assert (tmp_path / "failed").read_text() == "one: no space left\n"
        assert ran(world, tidy) == ["one"]

    def test_once_where_no_host_has_failed(self, fleet, world, hooked, tmp_path):
        hooked("on_failure: [{here: 'echo \"$RAYFAB_ERROR\" >>failed'}, {host: ./tidy}]")
        world["head"].replies["check running work"] = refused("no")
        fleet.operate([*operation.HOLD, raising()])
        assert (tmp_path / "failed").read_text() == "unexpected: KeyError: 'oops'\n"

    def test_its_own_failure_is_a_note(self, fleet, world, hooked):
        hooked("on_failure: [{here: exit 4}]")
        world["one"].replies["install Ray with uv"] = refused("no space left")
        assert fleet.operate(operation.DEPLOY) == 1
        assert fleet.failure("one").message == "no space left"
        assert any("ended with status 4" in line for line in fleet.lines("on_failure"))

    def test_not_after_success_nor_in_a_dry_run(self, fleet, world, hooked, tmp_path):
        hooked("on_failure: [{here: touch ran}]")
        fleet.operate(operation.DEPLOY)
        world["one"].reachable = False
        fleet.operate(operation.PREPARE, dry_run=True)
        assert not (tmp_path / "ran").exists()


def raising():
    def work(run):
        raise KeyError("oops")

    return Step("Fail", work)


def test_a_fab_that_a_hook_starts_has_the_holder_of_that_run(monkeypatch):
    monkeypatch.setenv("RAYFAB_LOCK", "lab me@here since today: deploy-cluster")
    assert inherited("lab") == "me@here since today: deploy-cluster"
    assert inherited("other") == ""


class TestScript:
    """Run by this machine's own sh."""

    def run(self, text, facts=(), **more):
        lines = []
        connection = LocalConnection(Target("here", "localhost", local=True), Settings(agent=""))
        script = hook_script("lab", "hook", text, dict(facts), **more)
        answer = connection.ask(script, timeout=20, on_line=lines.append)
        return answer.status, [line for line in lines if line]

    def test_a_line_with_its_environment_and_status(self):
        facts = {"RAYFAB_HOST": "it's; $(here)"}
        assert self.run('printf "%s\\n" "$RAYFAB_HOST" >&2; exit 7', facts) == (7, ["it's; $(here)"])

    def test_reads_nothing_from_the_script_behind_it(self):
        assert self.run("cat; echo end") == (0, ["end"])

    def test_in_a_folder(self, tmp_path):
        assert self.run("pwd", folder=str(tmp_path)) == (0, [str(tmp_path)])

    def test_a_file_runs_with_what_its_first_line_names(self):
        text = "#!/usr/bin/env python3\nimport os\nprint(os.environ['RAYFAB_HOST'])\nraise SystemExit(5)\n"
        assert self.run(text, {"RAYFAB_HOST": "one"}, file=True) == (5, ["one"])

    def test_a_file_without_such_a_line_with_sh_and_nothing_is_left(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        assert self.run('echo "$0"\n', file=True)[0] == 0
        assert list(tmp_path.iterdir()) == []


def test_the_lock_is_shared_with_a_run_of_the_same_holder_alone(tmp_path, monkeypatch):
    """Real: two shells, the first of which holds the lock while it waits."""
    monkeypatch.setenv("HOME", str(tmp_path))

    def start(script, after=""):
        text = protocol.wrap(script.text, "rfmark", {}).decode()
        return subprocess.Popen(
            ["sh", "-c", f"sh -s <<'END_OF_IT'\n{text}\nEND_OF_IT\n{after}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    holder = start(lock_script("lab", "me: deploy"), "read line")
    try:
        while "end" not in (line := holder.stdout.readline()):
            assert line
        again = start(lock_script("lab", "me: deploy")).communicate()[0]
        other = start(lock_script("lab", "you: deploy")).communicate()[0]
    finally:
        holder.communicate("\n")
    assert "kv locked" not in again
    assert "kv held" not in again
    assert "kv held me: deploy" in other


def test_windows_has_no_sh_for_a_hook_on_the_host(fleet, world, hooked, monkeypatch):
    hooked("before_deploy: [{host: ./prepare}]")
    monkeypatch.setattr(FakeConnection, "system", "windows")
    assert fleet.operate(operation.DEPLOY) == 1
    assert (
        fleet.failure("one").message == "before_deploy: hooks on a host need sh, which Windows does not have"
    )
    assert ran(world, ON_HOST) == []
