"""What a host keeps of the node that runs and of the one before: the scripts run for real, in several shells."""

from __future__ import annotations

import stat
from dataclasses import replace

import pytest

from tasks.node.desired import Versions
from tasks.node.gcs_store import HeadState
from tasks.node.kept import kept_environments, parse, read_script, record, records, stage_script
from tests.script import samples
from tests.script.shells import SHELLS, ask


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


def node(environment: str, hash_: str = "h1"):
    wanted = samples.desired(samples.subject())
    return replace(wanted, versions=Versions("2.60.0", "3.11.2", env_id=environment, lock="long"), hash=hash_)


class TestRecords:
    def test_read_as_it_was_written(self):
        wanted = replace(
            node("a"),
            asked={"ray.version": None},
            head_state=HeadState(False, "why"),
            trying=True,
            direct="10.0.0.1",
        )
        line, text = record(wanted, "request0").split("\n")
        kept = parse([f"{line} 1800000000", text])
        assert (kept.environment, kept.since, kept.request) == ("a", 1800000000, "request0")
        plain = replace(wanted, versions=replace(wanted.versions, lock=""), trying=False, direct="")
        assert kept.desired == plain

    @pytest.mark.parametrize("lines", [[], ["a h 1"], ["a h 1", "{"], ["a h 1", '{"desired": {"new": 1}}']])
    def test_of_another_version_of_this_program(self, lines):
        assert parse(lines) is None

    def test_both_are_kept(self):
        texts = {"started": record(node("b"), "").split("\n"), "previous": record(node("a"), "").split("\n")}
        assert kept_environments(records({}, texts)) == {"a", "b"}
        assert kept_environments(records({"trying": "1"}, {})) == frozenset()


@pytest.fixture
def host(shell, tmp_path):
    """A host with an environment that runs, and one that does not."""

    class Host:
        folder = tmp_path / ".rayfab/lab"

        def stage(self, name, wanted=None):
            text = record(wanted, "request0") if wanted else ""
            answer = ask(stage_script("lab", name, text), shell, tmp_path)
            assert answer.ok, answer.raw

        def install(self, *names):
            for name in names:
                (self.folder / "envs" / name).mkdir(parents=True)

        def environments(self):
            return sorted(path.name for path in (self.folder / "envs").iterdir())

        def kept(self):
            answer = ask(read_script("lab"), shell, tmp_path)
            found = records(answer.values, answer.texts)
            names = [one and one.environment for one in (found.started, found.previous)]
            return [*names, found.trying]

    made = Host()
    made.folder.mkdir(parents=True)
    return made


class TestStages:
    def test_the_last_two_stay(self, host):
        host.install("a")
        host.stage("settle", node("a"))
        assert host.kept() == ["a", None, False]
        host.install("b", "left")
        host.stage("begin")
        assert host.kept() == ["a", None, True]
        host.stage("settle", node("b"))
        assert host.kept() == ["b", "a", False]
        assert host.environments() == ["a", "b"]
        assert stat.S_IMODE((host.folder / "started").stat().st_mode) == 0o600
        host.install("c")
        host.stage("settle", node("c"))
        assert host.kept() == ["c", "b", False]
        assert host.environments() == ["b", "c"]

    def test_there_and_back(self, host):
        for name in ("a", "b", "a"):
            host.stage("settle", node(name))
        assert host.kept() == ["a", "b", False]

    def test_other_arguments_in_the_same_environment(self, host):
        host.stage("settle", node("a", "h1"))
        host.stage("settle", node("a", "h2"))
        assert host.kept() == ["a", "a", False]

    def test_what_was_not_started_is_removed(self, host):
        host.install("a", ".a.repaired", "b")
        (host.folder / "envs/a").rmdir()
        (host.folder / "envs/a").symlink_to(host.folder / "envs/.a.repaired")
        (host.folder / "env").symlink_to(host.folder / "envs/a")
        host.stage("begin")
        host.stage("undo")
        assert host.kept() == [None, None, False]
        assert host.environments() == [".a.repaired", "a"]
