"""move-head, as it is typed: the roles in the hosts file change, the token stays, and a failure changes nothing."""

from __future__ import annotations

import json

import pytest
from invoke import Exit

from tasks import backup as tasks
from tasks import cluster as clusters
from tasks.node import journal
from tasks.phases import operation
from tests.phases.world import refused, said


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def cluster(fleet, world):
    assert fleet.operate(operation.DEPLOY) == 0
    world.forget_titles()
    return fleet


@pytest.fixture
def do(cluster, capsys):
    """do(task, ...) -> status and output."""

    def call(task, *words, **flags):
        status = 0
        try:
            task.body(None, *words, hosts_file=str(cluster.path), **flags)
        except Exit as end:
            status = end.code
            if end.message:
                print(end.message)
        out = capsys.readouterr()
        return status, " ".join((out.out + out.err).replace(f" --hosts-file {cluster.path}", "").split())

    return call


def roles(world) -> dict[str, str]:
    return {h.name: h.state["role"] for h in world.hosts.values() if h.state and h.active}


@pytest.fixture
def two_locks(cluster, world):
    """Each head has a lock of its own, where the made-up hosts share one."""
    held: dict[str, str] = {}

    def taken(host):
        def facts(script):
            if "\nHOLDER=" not in script:
                return type(host)._facts(host, script)
            world.held_by = held.get(host.name, "")
            answer = type(host)._facts(host, script)
            held[host.name] = world.held_by
            return answer

        def unlock(script):
            world.held_by = held.get(host.name, "")
            answer = type(host)._unlock(host, script)
            held[host.name] = ""
            return answer

        host.replies |= {"gather facts": facts, "release the lock": unlock}

    for host in world.hosts.values():
        taken(host)
    return held


@pytest.mark.usefixtures("two_locks")
class TestMove:
    def test_swaps_the_roles(self, cluster, world, do):
        status, out = do(tasks.move_head, to="one", yes=True)
        assert status == 0, out
        assert roles(world) == {"head": "worker", "one": "head", "two": "worker"}
        assert {h.state["head"] for h in world.hosts.values()} == {"10.0.0.2:6379"}
        assert world["one"].token == "5ecret"
        text = cluster.path.read_text()
        assert "head: {host: 10.0.0.2, name: one}\n" in text
        assert text.index("10.0.0.3") < text.index("10.0.0.1")
        assert "one is the head of lab" in out

    def test_says_what_starts_anew(self, do):
        _, out = do(tasks.move_head, to="one", yes=True)
        assert "move-head makes one the head of lab, and head becomes a worker" in out
        assert "every node restarts, and two join another address" in out

    def test_the_memory_goes_along(self, cluster, world, do):
        do(tasks.move_head, to="one", yes=True)
        assert world["head"].deployed == ""
        names = [one["name"] for one in json.loads(world["one"].deployed)["hosts"]]
        assert names == ["head", "one", "two"]

    def test_changes_and_jobs_are_known_to_the_new_head(self, world, do):
        world["head"].history = ['{"format": 1, "id": "it\'s"}']
        world["head"].jobs = ['{"id": "b", "start": 2, "status": "FAILED"}', '{"id": "a", "start": 1}', "{"]
        assert do(tasks.move_head, to="one", yes=True)[0] == 0
        assert world["one"].history == ['{"format": 1, "id": "it\'s"}']
        assert [one.id for one in journal.parse(world["one"].jobs)[0]] == ["a", "b"]

    def test_every_node_joins_anew_so_its_hook_runs(self, cluster, world, do):
        cluster.write(cluster.path.read_text() + "hooks: {after_join: [{host: ./tell}]}\n")
        for host in world.hosts.values():
            host.replies["after_join: host: ./tell"] = said()
        assert do(tasks.move_head, to="one", yes=True)[0] == 0
        counts = [host.titles.count("after_join: host: ./tell") for host in world.hosts.values()]
        assert counts == [1, 1, 1]

    def test_a_deploy_afterwards_changes_nothing(self, cluster, world, do):
        do(tasks.move_head, to="one", yes=True)
        status, out = do(clusters.deploy_cluster)
        assert status == 0
        assert "3 hosts up to date; nothing was changed" in out

    def test_the_old_head_leaves(self, cluster, world, do):
        status, out = do(tasks.move_head, to="one", remove_old=True, yes=True)
        assert status == 0, out
        assert roles(world) == {"one": "head", "two": "worker"}
        assert world["head"].state is None
        assert "10.0.0.1" not in cluster.path.read_text()
        assert "has left the hosts file" not in out
        names = [one["name"] for one in json.loads(world["one"].deployed)["hosts"]]
        assert names == ["one", "two"]

    def test_an_old_head_that_cannot_be_removed_is_remembered(self, world, do):
        world["head"].replies["remove everything"] = refused("cannot remove /root/.rayfab/lab")
        status, out = do(tasks.move_head, to="one", remove_old=True, yes=True)
        assert status == 1
        assert "one is the head of lab" in out
        assert "head (10.0.0.1) has left the hosts file and was not removed" in out
        names = [one["name"] for one in json.loads(world["one"].deployed)["hosts"]]
        assert names == ["head", "one", "two"]

    def test_a_head_that_does_not_start_changes_nothing(self, cluster, world, do):
        before = cluster.path.read_text()
        world["one"].replies["start the head"] = refused("Ray ended with status 1")
        status, out = do(tasks.move_head, to="one", yes=True)
        assert status == 1
        assert "Ray ended with status 1" in out
        assert "the head has not moved: head runs again" in out
        assert roles(world) == {"head": "head", "one": "worker", "two": "worker"}
        assert {h.state["head"] for h in world.hosts.values()} == {"10.0.0.1:6379"}
        assert cluster.path.read_text() == before

    def test_a_hosts_file_that_cannot_be_written_in_the_end(self, cluster, world, do, monkeypatch):
        def full(path, text):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("tasks.inventory.edit.write", full)
        status, out = do(tasks.move_head, to="one", yes=True)
        assert status == 1
        assert "No space left on device" in out
        assert roles(world) == {"head": "head", "one": "worker", "two": "worker"}

    def test_one_worker_that_fails_does_not_stop_it(self, cluster, world, do):
        world["two"].replies["start the worker"] = refused("Ray ended with status 1")
        status, out = do(tasks.move_head, to="one", yes=True)
        assert status == 1
        assert "one is the head now, but not all hosts have joined it" in out
        assert roles(world) == {"head": "worker", "one": "head"}

    @pytest.mark.parametrize(
        "to, why",
        [
            (None, "move-head needs --to"),
            ("head", "--to head is the head of lab already"),
            ("three", "three"),
        ],
    )
    def test_mistakes(self, world, do, to, why):
        status, out = do(tasks.move_head, to=to, yes=True)
        assert status == 2
        assert why in out
        assert world["head"].titles == []

    def test_without_a_terminal_it_needs_yes(self, world, do):
        status, out = do(tasks.move_head, to="one")
        assert status == 2
        assert "move-head needs --yes where there is no terminal" in out
        assert world["head"].titles == []

    def test_a_worker_that_cannot_be_reached(self, world, do):
        world["one"].reachable = False
        status, out = do(tasks.move_head, to="one", yes=True)
        assert status == 1
        assert "one cannot become the head" in out
        assert roles(world)["head"] == "head"


class TestBackup:
    def test_destroy_and_restore(self, cluster, world, do, tmp_path):
        lock = world["head"].lock
        file = tmp_path / "lab.tar"
        status, out = do(tasks.backup, output=str(file))
        assert status == 0, out
        assert file.stat().st_mode & 0o777 == 0o600
        assert "hosts file, token, locks" in out
        assert "5ecret" not in out
        do(clusters.destroy, yes=True)
        text = cluster.path.read_text()
        cluster.path.unlink()
        status, out = do(tasks.restore, str(file))
        assert status == 0, out
        assert cluster.path.read_text() == text
        assert world["head"].token == "5ecret"
        status, out = do(clusters.deploy_cluster)
        assert status == 0, out
        assert world["head"].lock == lock and len(world.compiled) == 1, "nothing was chosen again"
        assert world["head"].token == "5ecret"

    def test_another_hosts_file_is_kept(self, cluster, world, do, tmp_path):
        file = tmp_path / "lab.tar"
        do(tasks.backup, output=str(file))
        world.forget_titles()
        cluster.path.write_text(cluster.path.read_text() + "# mine\n")
        status, out = do(tasks.restore, str(file))
        assert status == 2
        assert "differs from that in lab.tar: nothing was changed" in out
        assert cluster.path.read_text().endswith("# mine\n")
        assert world["head"].titles == []
        status, out = do(tasks.restore, str(file), force=True)
        assert status == 0, out
        assert "# mine" not in cluster.path.read_text()

    def test_a_head_with_another_token_is_left_alone(self, cluster, world, do, tmp_path):
        file = tmp_path / "lab.tar"
        do(tasks.backup, output=str(file))
        world["head"].state["token"] = "other"
        cluster.path.unlink()
        status, out = do(tasks.restore, str(file))
        assert status == 1
        assert "with another token than that in lab.tar" in out
        assert not cluster.path.exists()
        assert not list(tmp_path.glob(".hosts.yml.*")), "no temporary file is left"

    def test_a_head_that_cannot_be_reached(self, cluster, world, do, tmp_path):
        file = tmp_path / "lab.tar"
        do(tasks.backup, output=str(file))
        world["head"].reachable = False
        cluster.path.unlink()
        assert do(tasks.restore, str(file))[0] == 1
        assert not cluster.path.exists()

    def test_a_worker_that_cannot_be_reached_is_named(self, cluster, world, do, tmp_path):
        world["two"].reachable = False
        status, out = do(tasks.backup, output=str(tmp_path / "lab.tar"))
        assert status == 0
        assert "two: " in out and "its locks are those of the other hosts" in out

    def test_the_state_goes_along(self, cluster, world, do, tmp_path):
        world["head"].kept = ["aGVs", "bG8="]
        file = tmp_path / "lab.tar"
        assert "state" in do(tasks.backup, output=str(file))[1]
        do(clusters.destroy, yes=True)
        assert do(tasks.restore, str(file))[0] == 0
        assert world["head"].carried[-1] == "kept.tgz"

    def test_so_do_the_history_and_the_jobs(self, cluster, world, do, tmp_path):
        world["head"].history, world["head"].jobs = ['{"id": "é"}'], ['{"id": "a", "status": "FAILED"}']
        file = tmp_path / "lab.tar"
        assert "locks, history, jobs" in do(tasks.backup, output=str(file))[1]
        do(clusters.destroy, yes=True)
        assert world["head"].jobs == []
        assert do(tasks.restore, str(file))[0] == 0
        assert world["head"].history == ['{"id": "é"}']
        assert journal.parse(world["head"].jobs)[0] == [journal.Entry("a", "FAILED")]

    def test_a_state_that_cannot_be_read_is_named(self, world, do, tmp_path):
        world["head"].state["head_state"] = {"kept": True, "why": ""}
        _, out = do(tasks.backup, output=str(tmp_path / "lab.tar"))
        assert "head: the state that it keeps cannot be read: all but that goes along" in out

    def test_what_is_no_backup(self, world, do, tmp_path):
        file = tmp_path / "lab.tar"
        file.write_bytes(b"x" * 2000)
        status, out = do(tasks.restore, str(file))
        assert status == 2
        assert "it is not a whole .tar file" in out
        assert world["head"].titles == []

    def test_nothing_is_deployed(self, cluster, do, tmp_path):
        do(clusters.destroy, yes=True)
        status, out = do(tasks.backup, output=str(tmp_path / "lab.tar"))
        assert status == 1
        assert "nothing is deployed on the head" in out
        assert not (tmp_path / "lab.tar").exists()
