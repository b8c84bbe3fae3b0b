"""Whether a head keeps its state: where, with which variables, and what survives its restart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.node import gcs_store
from tasks.node.gcs_store import HeadState, Place, Store
from tests.script import samples

RAY = "2.60.0"
DISK = Place("/home/ray/.rayfab/lab", "ext4")
KEPT = HeadState(True)


def head(role: str = "head", **ray):
    host = samples.host(role)
    return host.model_copy(update={"ray": host.ray.model_copy(update=ray)})


def kept(role: str, **more):
    """The node that a host should run in a cluster whose head keeps its state."""
    subject = samples.subject(role, host_=gcs_store.decided(head(role, **more), KEPT))
    wanted = samples.desired(subject, versions=samples.versions(ray=RAY))
    return replace(wanted, head_state=KEPT if role == "head" else None)


class TestWhereItCanBe:
    @pytest.mark.parametrize("ray", ["2.57.0", "2.60.0"])
    def test_on_a_disk_with_a_ray_that_has_it(self, ray):
        assert gcs_store.obstacle(head(), ray, "Linux", DISK) == ""

    @pytest.mark.parametrize(
        ("ray", "system", "place", "why"),
        [
            ("2.56.1", "Linux", DISK, "Ray 2.56.1 cannot keep it; 2.57 and newer can"),
            ("2.7.2", "Linux", DISK, "Ray 2.7.2 cannot keep it; 2.57 and newer can"),
            (RAY, "Darwin", DISK, "Ray keeps it on Linux only"),
            (RAY, "Linux", Place("/tmp/me/.rayfab/lab", "ext4"), "/tmp/me/.rayfab/lab may be cleared"),
            (RAY, "Linux", Place("/root", ""), "the file system of /root is unknown"),
            (RAY, "Linux", Place("/root", "tmpfs"), "/root is in memory (tmpfs)"),
            (RAY, "Linux", Place("/root", "nfs4"), "/root is not a disk of its own (nfs4)"),
            (RAY, "Linux", Place("/root", "fuse.sshfs"), "/root is not a disk of its own (fuse.sshfs)"),
        ],
    )
    def test_and_where_it_cannot(self, ray, system, place, why):
        assert gcs_store.obstacle(head(), ray, system, place) == why

    def test_not_in_a_home_of_several_hosts(self):
        assert gcs_store.obstacle(head(), RAY, "Linux", DISK, shared_home=True)

    def test_not_where_the_user_has_a_store(self):
        own = head(env={"RAY_REDIS_ADDRESS": "10.0.0.9:6379"})
        assert gcs_store.obstacle(own, RAY, "Linux", DISK) == "ray.env sets RAY_REDIS_ADDRESS"

    def test_the_file_may_ask_for_memory(self):
        assert str(gcs_store.decide(head(state="memory"), "")) == "in memory: ray.state: memory"
        assert str(gcs_store.decide(head(), "")) == "kept on disk"


class TestTheNode:
    def test_the_head_keeps_it_in_its_own_folder(self):
        wanted = kept("head")
        assert "export RAY_gcs_storage=rocksdb\n" in wanted.files["ENV_SH"]
        assert "export RAY_gcs_storage_path=/root/.rayfab/lab/gcs\n" in wanted.files["ENV_SH"]
        assert wanted.store == f"host {RAY}"
        assert wanted.state("", "")["head_state"] == {"kept": True, "why": ""}

    def test_workers_wait_ten_minutes_for_it(self):
        wanted = kept("worker")
        assert "export RAY_gcs_rpc_server_reconnect_timeout_s=600\n" in wanted.files["ENV_SH"]
        assert (wanted.store, "head_state" in wanted.state("", "")) == ("", False)

    def test_an_older_ray_gets_nothing_of_it(self):
        subject = samples.subject("head", host_=gcs_store.decided(head(), HeadState(False, "why")))
        plain = samples.desired(samples.subject("head"))
        assert samples.desired(subject).hash == plain.hash


class TestSurvives:
    def test_a_change_of_the_head_s_arguments(self):
        before = kept("head").state("abc", "one")
        assert gcs_store.survives(before, kept("head", head_args=("--labels=a=b",)))

    @pytest.mark.parametrize(
        "other",
        [
            {"head_state": {"kept": False, "why": "x"}},
            {"ray": "2.59.0"},
            {"store": "host 2.59.0"},
            {"head": "10.9.9.9:6379"},
            {"service": "docker"},
        ],
        ids=lambda other: next(iter(other)),
    )
    def test_not_where_the_new_head_reads_another_state(self, other):
        assert not gcs_store.survives({**kept("head").state("abc", "one"), **other}, kept("head"))

    def test_not_after_a_deploy_that_kept_none(self):
        assert not gcs_store.survives({}, kept("head"))


def test_what_a_host_says_of_its_store():
    lines = [
        "since 1800000000",
        "size 17492\t/root/.rayfab/lab/gcs",
        "aside /root/.rayfab/lab/gcs.unreadable",
    ]
    assert gcs_store.parse_store(lines) == Store(1800000000, 17492 * 1024, "/root/.rayfab/lab/gcs.unreadable")
    assert gcs_store.parse_store(["since ", "size "]) is None
    assert gcs_store.parse_store([]) is None
