"""A home folder of several hosts: each has its own folder there, and what is installed is for all; run for real."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.node import homes, operations
from tasks.node.operations import lock_script, unlock_script
from tasks.runtimes.facts import facts_script, parse_facts
from tasks.script import script as scripts
from tasks.script.script import render
from tests.script import samples
from tests.script.shells import SHELLS, SYSTEM_PATH, ask, finish, session, spawn, stand_in, tool

HOLDER = "alice@laptop (process 1) since 2026-01-02 03:04:05 CET: deploy-cluster"


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


class Host:
    """One host of a home: a name, and with it another view of the same folder."""

    def __init__(self, shell: str, home: Path, name: str) -> None:
        self.shell, self.home, self.name = shell, home, name
        self.bin = home.parent / name
        stand_in(self.bin, "uname", f'[ "$1" != -n ] || {{ echo {name}; exit; }}; exec {tool("uname")} "$@"')

    @property
    def path(self) -> str:
        return f"{self.bin}:{SYSTEM_PATH}"

    def ask(self, script, **more):
        return ask(script, self.shell, self.home, path=self.path, **more)

    def spawn(self, script, **more):
        return spawn(script, self.shell, self.home, path=self.path, **more)

    def facts(self, **more):
        host = samples.host()
        answer = self.ask(facts_script(host, "lab", **more))
        assert answer.ok, answer.error
        return parse_facts(host, answer.all, answer.texts)

    @property
    def id(self) -> str:
        return homes.host_id(self.facts())

    @property
    def folder(self) -> Path:
        return Path(homes.folder(self.facts(), "lab"))


@pytest.fixture
def trio(shell, tmp_path):
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    return [Host(shell, home, name) for name in ("one", "two", "three")]


def test_alone_it_is_the_folder_of_the_cluster(trio):
    one = trio[0]
    assert one.folder == one.home / ".rayfab/lab"
    assert homes.crowded({"one": one.facts()}) == []


def test_hosts_of_one_home_are_found_and_get_folders_of_their_own(trio, tmp_path):
    one, two, three = trio
    stranger = Host(one.shell, tmp_path / "other", "stranger")
    (stranger.home / ".ssh").mkdir(parents=True)
    everyone = {host.name: host.facts() for host in [*trio, stranger]}
    assert homes.crowded(everyone) == [["one", "two", "three"]]
    with session(one.shell, one.home) as head:
        head.ask(lock_script("lab", HOLDER))
        first = homes.host_id(everyone["one"])
        after = [host.facts(settle=(first, HOLDER)) for host in (two, three)]
    for host, facts in zip((two, three), after, strict=True):
        assert facts.node == f"{one.home}/.rayfab/lab/hosts/{homes.host_id(facts)}"
        assert host.folder == Path(facts.node) and facts.state is None
    assert one.folder == one.home / ".rayfab/lab", "what was there stays where it is"
    assert one.facts().home_hosts == {host.id for host in trio}
    assert homes.crowded({host.name: host.facts() for host in trio}) == []
    # one that comes later has a folder of its own at once
    four = Host(one.shell, one.home, "four")
    assert four.folder == one.home / ".rayfab/lab/hosts" / four.id


def test_the_home_of_a_cloned_machine_is_its_own(trio):
    """Its files look alike, but the head's lock is not seen there."""
    assert trio[1].facts(settle=("one-0123abcd", HOLDER)).home_hosts == set()
    assert not (trio[1].home / ".rayfab").exists()
    # two nodes that are not the same
    alike = {host.name: host.facts() for host in trio[:2]}
    alike["one"] = replace(alike["one"], state={"node_ip": "10.0.0.1"})
    alike["two"] = replace(alike["two"], state={"node_ip": "10.0.0.2"})
    assert homes.crowded(alike) == []


def test_two_hosts_of_one_name_are_told_apart_or_refused(trio):
    one = trio[0]
    with session(one.shell, one.home) as head:
        head.ask(lock_script("lab", HOLDER))
        answer = one.ask(facts_script(samples.host(), "lab", settle=(one.id, HOLDER)))
    assert answer.error == f"another host of this home has the same name and the same machine id: {one.id}"
    assert answer.hint == "give this one a name: hostnamectl set-hostname NAME"


def settled(trio) -> None:
    one = trio[0]
    with session(one.shell, one.home) as head:
        head.ask(lock_script("lab", HOLDER))
        for host in trio[1:]:
            host.facts(settle=(one.id, HOLDER))
        head.ask(unlock_script("lab", HOLDER))


def deployed(host: Host, env: str = "e") -> None:
    folder, envs = host.folder, host.home / ".rayfab/lab/envs"
    (envs / env).mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "service").write_text("loop")
    (folder / "state.json").write_text(json.dumps({"node_ip": host.name}))
    (folder / "env").symlink_to(envs / env)


def test_destroy_of_one_leaves_the_others_and_of_the_last_nothing(trio):
    settled(trio)
    for host in trio:
        deployed(host)
    root = trio[0].home / ".rayfab"
    (root / ".store").mkdir()
    one, two, three = trio
    kept = {host.name: host.folder for host in trio}

    def destroy(host: Host) -> None:
        answer = host.ask(operations.destroy_script(samples.host(), "lab"))
        assert answer.ok and answer.values["changed"] == "1", answer.error

    destroy(two)
    assert not kept["two"].exists()
    assert two.ask(operations.stop_script("lab")).values == {"changed": "0"}
    # the host that had the home alone before
    destroy(one)
    assert three.facts().state == {"node_ip": "three"} and (kept["three"] / "env").is_dir()
    assert {path.name for path in (root / "lab").iterdir()} == {"hosts", "envs"} and (
        root / ".store"
    ).is_dir()
    destroy(three)
    assert not root.exists()


def used(host: Host, env: str) -> bool:
    """Whether another host uses the environment."""
    body = f'if env_used "$SHARED/envs/{env}"; then emit used 1; fi\nfinish 0\n'
    text = render("try", "lock", {"CLUSTER": "lab", "HOLDER": "x"}).text
    used_sh = scripts.fragment("used").text
    text = text[: text.index("main() {")] + used_sh + "\nmain() {\n" + body + "}\nmain </dev/null\n"
    return "used" in host.ask(text).values


def test_an_environment_that_another_host_uses_is_no_waste(trio):
    settled(trio)
    deployed(trio[1], "old")
    deployed(trio[2], "linked")
    hidden = trio[0].home / ".rayfab/lab/envs/.linked.1"
    (trio[0].home / ".rayfab/lab/envs/linked").rename(hidden)
    (trio[0].home / ".rayfab/lab/envs/linked").symlink_to(hidden)
    assert [used(trio[0], env) for env in ("old", "linked", ".linked.1", "new")] == [True, True, True, False]
    assert not used(trio[1], "old")


def locker(seconds: float, dead_after: int | None = None) -> str:
    """A script that holds the lock of the home for a while."""
    text = render("try", "lock", {"CLUSTER": "lab", "HOLDER": "x"}).text
    body = f'home_lock\necho "$(date +%s%N)" >>"$HOME/in.$HOST_ID"\nsleep {seconds}\n'
    body += 'emit beat "$(cut -d" " -f4 "$ROOT/.making/by")"\necho "$(date +%s%N)" >>"$HOME/out.$HOST_ID"\nfinish 0\n'
    fragment = scripts.fragment("home_lock").text
    if dead_after is not None:
        assert "-ge 45" in fragment
        fragment = fragment.replace("-ge 45", f"-ge {dead_after}")
    return text[: text.index("main() {")] + fragment + "\nmain() {\n" + body + "}\nmain </dev/null\n"


def test_one_host_at_a_time_installs(trio):
    settled(trio)
    running = [host.spawn(locker(1)) for host in trio]
    answers = [finish(process) for process in running]
    assert all(answer.ok for answer in answers), [answer.error for answer in answers]
    times = []
    for host in trio:
        times.append([int((host.home / f"{way}.{host.id}").read_text()) for way in ("in", "out")])
    times.sort()
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(times))
    assert any(b"installs for all hosts of this home" in answer.raw for answer in answers)
    assert not (trio[0].home / ".rayfab/.making").exists()


def test_a_host_that_dies_while_it_installs_is_not_waited_for(trio):
    settled(trio)
    one, two = trio[:2]
    holder = one.spawn(locker(600))
    by = one.home / ".rayfab/.making/by"
    until = time.monotonic() + 20
    while not by.exists() and time.monotonic() < until:
        time.sleep(0.05)
    # the power fails: nothing of it writes any more
    os.killpg(holder.pid, signal.SIGKILL)
    holder.wait()
    answer = two.ask(locker(0, dead_after=1))
    assert answer.ok and answer.values["beat"], answer.error
    # on the same host its process is known to have gone
    holder = one.spawn(locker(600))
    while not by.exists():
        time.sleep(0.05)
    os.killpg(holder.pid, signal.SIGKILL)
    holder.wait()
    assert one.ask(locker(0)).ok


def test_the_name_of_a_host_is_the_same_on_both_sides(trio):
    settled(trio)
    odd = Host(trio[0].shell, trio[0].home, "a.b-c_d")
    got = odd.facts()
    assert got.node.endswith(f"/hosts/{homes.host_id(got)}")
    assert shlex.quote(homes.host_id(got)) == homes.host_id(got)


@pytest.mark.parametrize(
    ("paths", "added"),
    [
        ([None, None], ["", ""]),
        (["/usr/bin/python3.11", "/usr/bin/python3.11"], ["", ""]),
        (["/usr/bin/python3.11", "/opt/bin/python3.11"], ["", "-x"]),
    ],
)
def test_a_python_elsewhere_makes_another_environment(paths, added):
    known = samples.subject().facts
    alone = [(known, path) for path in paths]
    assert homes.own_paths(alone) == ["", ""]
    together = [(replace(known, home_hosts=frozenset({"a", "b"})), path) for path in paths]
    got = homes.own_paths(together)
    assert [bool(one) for one in got] == [bool(one) for one in added]
