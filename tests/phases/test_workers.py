"""add-worker and remove-worker as they are typed: every host that is named is meant, and no other."""

from __future__ import annotations

import errno

import pytest
from invoke import Exit

from tasks import workers
from tasks.phases import operation
from tests.phases.world import refused

NEW = ("10.0.0.13", "10.0.0.14", "10.0.0.15")


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def cluster(fleet, world):
    """A cluster that runs, and three machines more."""
    assert fleet.operate(operation.DEPLOY) == 0
    for address in NEW:
        world.add(address, address)
    world.forget_titles()
    return fleet


@pytest.fixture
def do(cluster, capsys):
    """do(workers.add_worker, "10.0.0.13", "...") -> status and output."""

    def call(task, *hosts, **flags):
        status = 0
        try:
            task.body(None, host=list(hosts), hosts_file=str(cluster.path), **flags)
        except Exit as end:
            status = end.code
            if end.message:
                print(end.message)
        return status, capsys.readouterr().out

    return call


def hosts_of(cluster) -> list[str]:
    cluster.write(cluster.path.read_text())
    return [host.host for host in cluster.cluster.hosts]


def asked(world) -> set[str]:
    return {host.address for host in world.hosts.values() if host.titles}


class TestAdd:
    @pytest.mark.parametrize(
        "hosts",
        [NEW, [",".join(NEW)], ["10.0.0.[13-15]"], ["10.0.0.[13,14]", "10.0.0.15"], [*NEW, NEW[0]]],
        ids=["repeated", "with commas", "a range", "a range with commas", "one twice"],
    )
    def test_all_that_are_named(self, cluster, world, do, hosts):
        status, out = do(workers.add_worker, *hosts)
        assert status == 0, out
        assert all(world.hosts[address].active for address in NEW)
        assert hosts_of(cluster) == ["10.0.0.1", "10.0.0.2", "10.0.0.3", *NEW]
        assert asked(world) == {"10.0.0.1", *NEW}, "only the head and the new ones are asked"

    def test_the_table_and_the_count_are_the_whole_cluster_s(self, do):
        _, out = do(workers.add_worker, *NEW)
        for name in ("head", "one", "two", *NEW):
            assert any(line.split()[:1] == [name] and " alive " in line for line in out.splitlines()), out
        assert "6 hosts run Ray 2.52.0" in out

    def test_a_range_is_written_as_it_was_typed(self, cluster, do):
        do(workers.add_worker, "10.0.0.[13-15]", user="alice", name="gpu[1-3]")
        assert "- host: 10.0.0.[13-15]\n" in cluster.path.read_text()
        cluster.write(cluster.path.read_text())
        assert [h.name for h in cluster.cluster.workers[2:]] == ["gpu1", "gpu2", "gpu3"]

    def test_one_that_fails_is_named_and_not_written(self, cluster, world, do):
        world.hosts[NEW[1]].replies["start the worker"] = refused("no room")
        status, out = do(workers.add_worker, "10.0.0.[13-15]")
        assert status == 1
        assert hosts_of(cluster) == ["10.0.0.1", "10.0.0.2", "10.0.0.3", NEW[0], NEW[2]]
        assert f"! not added to hosts.yml: {NEW[1]}" in out
        assert "no room" in out

    @pytest.mark.parametrize(
        ("hosts", "flags", "why"),
        [
            ((NEW[0], "bad host"), {}, "bad host"),
            ((NEW[0], "10.0.0.[9-3]"), {}, "runs backwards"),
            ((NEW[0], "head"), {}, "--host names the head of lab"),
            ((NEW[0], "10.0.0.1"), {}, "--host names the head of lab"),
            ((NEW[0], "node*"), {}, "node*"),
            ((NEW[0], NEW[1]), {"name": "gpu"}, "--name gpu gives 1 name for 2 new hosts"),
            ((NEW[0],), {"name": "one"}, "one"),
            (("one",), {"name": "uno"}, "--name is for new hosts"),
            ((), {}, "add-worker needs --host\n  → fab add-worker"),
            ((",",), {}, "add-worker needs --host"),
        ],
    )
    def test_one_mistake_refuses_all_before_anything_is_changed(self, cluster, world, do, hosts, flags, why):
        before = cluster.path.read_bytes()
        status, out = do(workers.add_worker, *hosts, **flags)
        assert status == 2, out
        assert why in out
        assert cluster.path.read_bytes() == before
        assert asked(world) == set()

    def test_known_ones_beside_new_ones(self, cluster, world, do):
        world["one"].active = False
        status, out = do(workers.add_worker, "one", NEW[0])
        assert status == 0, out
        assert world["one"].active
        assert hosts_of(cluster) == ["10.0.0.1", "10.0.0.2", "10.0.0.3", NEW[0]]

    def test_the_same_address_with_another_port_is_another_host(self, cluster, world, do):
        status, out = do(workers.add_worker, "10.0.0.2:2222", dry_run=True)
        assert "10.0.0.2:2222" not in cluster.path.read_text()
        assert status == 0 or "same address" in out, out

    def test_a_known_one_that_runs_and_would_be_restarted_is_asked_for(self, cluster, world, do):
        world.work = [{"actor": "counter", "detached": True, "moves": False, "ip": "10.0.0.2"}]
        cluster.edit("name: one", "name: one, labels: {zone: a}")
        status, out = do(workers.add_worker, "one")
        assert status == 2
        assert "1 actor: counter on one" in out
        assert "--yes" in out
        status, out = do(workers.add_worker, "one", yes=True)
        assert status == 0, out
        assert "! ended 1 actor: counter on one" in out


class TestRemove:
    def test_a_hosts_file_that_cannot_be_written_refuses_all_before_anything_is_removed(
        self, cluster, world, do, monkeypatch
    ):
        def refuse(**how):
            raise OSError(errno.EROFS, "Read-only file system")

        monkeypatch.setattr("tasks.inventory.edit.tempfile.mkstemp", refuse)
        status, out = do(workers.remove_worker, "one")
        assert status == 2
        assert f"✗ {cluster.path} cannot be written: Read-only file system; nothing was changed" in out
        assert asked(world) == set() and world["one"].active

    @pytest.mark.parametrize("hosts", [("one", "two"), ("10.0.0.[2-3]",), ("o*,t*",), ("10.0.0.2,two",)])
    def test_all_that_are_named(self, cluster, world, do, hosts):
        status, out = do(workers.remove_worker, *hosts)
        assert status == 0, out
        assert hosts_of(cluster) == ["10.0.0.1"]
        assert world["one"].state is None and world["two"].state is None
        assert world["head"].active
        assert "✓ one, two were removed from the cluster and from hosts.yml; 1 host left" in out

    @pytest.mark.parametrize(
        ("hosts", "why"),
        [
            (("one", "head"), "names the head of lab (head)"),
            (("*",), "names the head of lab (head)"),
            (("one", "nobody"), "nobody"),
            ((), "remove-worker needs --host"),
        ],
    )
    def test_one_mistake_refuses_all(self, cluster, world, do, hosts, why):
        before = cluster.path.read_bytes()
        status, out = do(workers.remove_worker, *hosts)
        assert status == 2, out
        assert why in out
        assert cluster.path.read_bytes() == before
        assert asked(world) == set()

    def test_one_that_fails_stays_in_the_file(self, cluster, world, do):
        world["one"].replies["remove everything"] = refused("a file is busy")
        status, out = do(workers.remove_worker, "one", "two")
        assert status == 1
        assert hosts_of(cluster) == ["10.0.0.1", "10.0.0.2"]
        assert "hosts.yml still lists one; --force removes it anyway" in out

    def test_one_that_is_gone_for_good(self, cluster, world, do):
        world["one"].reachable = False
        assert do(workers.remove_worker, "one", force=True)[0] == 0
        assert hosts_of(cluster) == ["10.0.0.1", "10.0.0.3"]

    def test_work_on_it_is_asked_for(self, cluster, world, do):
        world.work = [{"tasks": 2, "ip": "10.0.0.2"}]
        before = cluster.path.read_bytes()
        status, out = do(workers.remove_worker, "one")
        assert status == 2, out
        assert "2 tasks" in out
        assert cluster.path.read_bytes() == before
        assert world["one"].active
        assert do(workers.remove_worker, "two")[0] == 0, "nothing runs there"
