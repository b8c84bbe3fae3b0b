"""The truth about the cluster in the contract's shape, whatever of it can still be reached."""

from __future__ import annotations

import json

import pytest

from tasks.phases import operation
from tasks.report.verdict import unhealthy
from tasks.run.operate import operate
from tasks.run.status import as_json
from tests.phases.world import node, refused, said, value


@pytest.fixture
def deployed(fleet):
    assert fleet.operate(operation.DEPLOY) == 0
    return fleet


def status(fleet) -> dict:
    """`fab status --json`, and the exit status as ``fleet.code``."""
    fleet.code = fleet.operate(operation.STATUS, report=False)
    found = as_json(fleet.run)
    assert json.loads(json.dumps(found)) == found
    return found


def problems(found: dict) -> dict[str, str | None]:
    return {n["name"]: n["problem"] for n in found["nodes"]}


def alive(found: dict) -> list[str]:
    return [n["name"] for n in found["nodes"] if n["alive"]]


def rename(fleet, address: str, host: str) -> None:
    """The hosts file calls the host of that address otherwise: by an ssh alias, by what a NAT shows."""
    fleet.edit(f"host: {address}", f"host: {host}")
    del fleet.world.hosts[address]
    fleet.world.hosts[host].address = address


def test_has_every_key_of_the_contract(deployed):
    common = {"runtime": "uv", "ray": "2.52.0", "python": "3.11.2", "cpus": 4, "gpus": 0, "problem": None}
    common |= {"state": "running", "since": None, "starts": None}
    assert status(deployed) == {
        "version": 1,
        "cluster": "lab",
        "healthy": True,
        "ray": "2.52.0",
        "python": "3.11.2",
        "address": "10.0.0.1:6379",
        "dashboard": "http://127.0.0.1:8265",
        "head_state": {
            "kept": False,
            "why": "Ray 2.52.0 cannot keep it; 2.57 and newer can",
            "since": None,
            "bytes": None,
            "put_aside": None,
        },
        "nodes": [
            {
                "host": "10.0.0.1",
                "name": "head",
                "role": "head",
                "node_ip": "10.0.0.1",
                "alive": True,
                **common,
            },
            {
                "host": "10.0.0.2",
                "name": "one",
                "role": "worker",
                "node_ip": "10.0.0.2",
                "alive": True,
                **common,
            },
            {
                "host": "10.0.0.3",
                "name": "two",
                "role": "worker",
                "node_ip": "10.0.0.3",
                "alive": True,
                **common,
            },
        ],
    }


def test_asks_ray_without_a_task_and_takes_no_lock(deployed, world):
    status(deployed)
    assert world["head"].titles == ["gather facts", "read Ray's node table"]
    assert world["one"].titles == ["gather facts"]


def test_right_after_a_deploy_it_is_the_same(deployed):
    after = as_json(deployed.run)
    assert after == status(deployed)


class TestNotHealthy:
    def test_a_stranger_in_ray_s_table(self, deployed, world):
        world.strangers = [
            node("10.0.0.50", "mallory", cpus=2.5),
            node("10.0.0.51"),
            node("10.0.0.52", alive=False),
        ]
        found = status(deployed)
        assert found["healthy"] is False
        assert found["nodes"][3] == {
            "host": "10.0.0.50",
            "name": "mallory",
            "role": "worker",
            "node_ip": "10.0.0.50",
            "alive": True,
            "runtime": None,
            "ray": None,
            "python": None,
            "cpus": 2.5,
            "gpus": 0,
            "problem": "in Ray's node table, but not in the hosts file",
            "state": "stranger",
            "since": None,
            "starts": None,
        }
        # without a name it is called by its address; one that is dead is no stranger any more
        assert [n["name"] for n in found["nodes"][3:]] == ["mallory", "10.0.0.51"]

    def test_an_unreachable_host_whose_node_lives(self, deployed, world):
        world["two"].reachable = False
        found = status(deployed)
        assert deployed.code == 1
        assert found["healthy"] is False
        assert problems(found) == {"head": None, "one": None, "two": "10.0.0.3 port 22: timed out after 10 s"}
        assert alive(found) == ["head", "one", "two"]

    def test_an_unreachable_host_whose_node_has_died(self, deployed, world):
        world["two"].reachable = world["two"].active = False
        found = status(deployed)
        assert alive(found) == ["head", "one"]
        assert found["nodes"][2]["node_ip"] == "10.0.0.3"
        assert found["nodes"][2]["cpus"] is None

    @pytest.mark.parametrize("host", ["alias", "203.0.113.9"])
    def test_an_unreachable_host_whose_node_has_another_address_is_no_stranger(self, fleet, world, host):
        rename(fleet, "10.0.0.3", host)
        assert fleet.operate(operation.DEPLOY) == 0
        world["two"].reachable = False
        found = status(fleet)
        assert len(found["nodes"]) == 3
        assert (found["nodes"][2]["alive"], found["nodes"][2]["node_ip"]) == (True, "10.0.0.3")

    def test_nothing_is_deployed(self, fleet):
        found = status(fleet)
        assert fleet.code == 0
        assert found["healthy"] is False
        assert set(problems(found).values()) == {"not deployed"}
        assert (found["ray"], found["python"], found["address"]) == (None, None, "10.0.0.1:6379")
        assert found["nodes"][1]["node_ip"] == "10.0.0.2"

    def test_one_host_is_not_deployed(self, deployed):
        deployed.edit("- {host: 10.0.0.3", "- {host: 10.0.0.4, name: three}\n  - {host: 10.0.0.3")
        assert problems(status(deployed)) == {"head": None, "one": None, "three": "not deployed", "two": None}

    def test_a_stopped_cluster_has_no_node_alive(self, deployed):
        deployed.operate(operation.STOP)
        found = status(deployed)
        assert set(problems(found).values()) == {"stopped"}
        assert alive(found) == []

    def test_what_its_supervisor_starts_again_is_not_stopped(self, deployed, world):
        world["one"].active, world["one"].supervisor = False, "activating"
        assert problems(status(deployed))["one"] == "Ray isn't running here"

    def test_the_head_is_down(self, deployed, world):
        world["head"].active = False
        found = status(deployed)
        down = "the head does not answer"
        assert problems(found) == {"head": "stopped", "one": down, "two": down}
        assert alive(found) == []

    def test_the_head_is_unreachable(self, deployed, world):
        world["head"].reachable = False
        found = status(deployed)
        assert deployed.code == 1
        assert problems(found)["head"] == "10.0.0.1 port 22: timed out after 10 s"
        assert problems(found)["one"] == "the head does not answer"
        assert found["address"] == "10.0.0.1:6379"

    def test_the_head_runs_but_does_not_answer(self, deployed, world):
        world["head"].replies["read Ray's node table"] = said([], {"log": ["no GCS"]})
        found = status(deployed)
        assert deployed.code == 1
        assert problems(found) == {
            "head": "Ray's head does not answer: no GCS",
            "one": "the head does not answer",
            "two": "the head does not answer",
        }

    def test_a_worker_is_down(self, deployed, world):
        world["one"].active = False
        assert problems(status(deployed)) == {"head": None, "one": "stopped", "two": None}

    def test_a_worker_has_not_joined(self, deployed, world):
        world["one"].joins = False
        assert problems(status(deployed))["one"] == "runs, but is not in Ray's node table"

    def test_a_worker_whose_facts_are_missing(self, deployed, world):
        world["one"].replies["gather facts"] = refused("no space left")
        assert problems(status(deployed))["one"] == "no space left"

    def test_ray_counts_other_resources_than_the_file(self, deployed):
        deployed.edit("name: one", "name: one, cpus: 8")
        deployed.edit("name: two", "name: two, gpus: 1")
        found = problems(status(deployed))
        assert found["one"] == "Ray counts 4 CPUs, the file says 8"
        assert found["two"] == "Ray counts 0 GPUs, the file says 1"

    def test_nobody_can_be_reached(self, deployed, world):
        for host in world.hosts.values():
            host.reachable = False
        found = status(deployed)
        assert deployed.code == 1
        assert found["healthy"] is False
        assert len(found["nodes"]) == 3


def born(host, age: int, node_id: str = "-") -> None:
    """The host's raylet started so many seconds ago."""
    host.facts |= {"raylets_read": "1", "raylet": f"7 {age} {node_id} own 0::/x"}


class TestNeverCalledHealthy:
    """Ray's table says that the node is alive, and something on the host says that it is not to be trusted."""

    def test_a_host_on_which_nothing_is_deployed(self, deployed, world):
        for name in ("one", "two"):
            world.strangers.append(node(world[name].address, name))
            world[name].state = None
        found = status(deployed)
        assert alive(found)[:1] == ["head"]
        assert {n["name"]: (n["alive"], n["problem"]) for n in found["nodes"][:3]} == {
            "head": (True, None),
            "one": (False, "not deployed"),
            "two": (False, "not deployed"),
        }

    def test_hosts_that_share_one_address(self, deployed, world):
        for name in ("one", "two"):
            world[name].state["node_ip"] = world[name].address = "10.0.2.15"
            world[name].joins = False
        world.strangers = [node("10.0.2.15", "one")]
        assert problems(status(deployed)) == {
            "head": None,
            "one": None,
            "two": "runs, but is not in Ray's node table",
        }

    @pytest.mark.parametrize("state", ["inactive", "activating"])
    def test_a_node_whose_service_does_not_run(self, deployed, world, state):
        world["one"].active, world["one"].supervisor = False, state
        world.strangers = [node("10.0.0.2", "one")]
        assert alive(status(deployed)) == ["head", "two"]

    def test_a_node_whose_raylet_has_ended(self, deployed, world):
        world["one"].facts["raylets_read"] = "1"
        found = status(deployed)
        assert alive(found) == ["head", "two"]
        assert problems(found)["one"] == "its service runs, but Ray's raylet does not"

    def test_an_entry_of_an_earlier_start(self, deployed, world):
        born(world["one"], 500, "b2")
        world["one"].joins = False
        world.strangers = [node("10.0.0.2", "one", node_id="a1")]
        found = status(deployed)
        assert problems(found) == {"head": None, "one": "runs, but is not in Ray's node table", "two": None}

    def test_a_node_that_keeps_starting(self, deployed, world):
        born(world["one"], 20)
        world["one"].starts = [f"Fri Nov 27 01:4{n}:00 UTC 2026" for n in range(4)]
        found = status(deployed)
        assert problems(found)["one"] == "does not stay up: 4 starts within an hour, the last one 20 s ago"
        assert not found["healthy"]

    def test_a_node_that_has_just_started_and_runs_no_task(self, deployed, world):
        born(world["one"], 20)
        found = status(deployed)
        assert problems(found)["one"] == "started 20 s ago and could not run a task yet: no answer in time"
        assert not found["healthy"]

    def test_unless_a_task_ran_on_it(self, deployed, world):
        """As after a deploy: only that shows at once that the head reaches the node."""
        born(world["one"], 20)
        world["one"].joins = False
        world.strangers = [node("10.0.0.2", "one", task={"before": True})]
        assert status(deployed)["healthy"]

    def test_only_nodes_that_have_just_started_are_asked_for_a_task(self, deployed, world):
        born(world["one"], 20)
        born(world["two"], 2000)
        asked = []
        world["head"].replies["read Ray's node table"] = lambda script: (
            asked.append(json.loads(value(script, "SPEC"))) or world["head"]._table(script)
        )
        status(deployed)
        assert [spec["expect"] for spec in asked] == [[["one", "10.0.0.2"]]]


CLOCK = 2_000_000_000


def watched(host, phase: str, *, raylet: bool = False, started: list[str] | None = None, **known) -> None:
    """The host's node as its watch tells it."""
    host.starts = started or []
    line = json.dumps({"phase": phase, "since": CLOCK - 30, "faults": [], **known})
    host.facts |= {"life": line, "clock": str(CLOCK), "raylets_read": "1"}
    if raylet:
        host.facts["raylet"] = "7 500 - own 0::/x"


FAULTS = [[CLOCK - 60, "its raylet is stopped"]] * 4
# what the watch says: the state, the problem, and whether the node counts as alive
WATCHED = {
    "runs": (("running", {"raylet": True}), "running", None, True),
    "zombie": (("running", {}), "zombie", "its service runs, but Ray's raylet does not", False),
    "starts": (("starting", {}), "starting", "starting for 30 s", False),
    "too long": (("starting", {"since": CLOCK - 1000}), "zombie", "its service runs", False),
    "keeps starting": (
        ("pause", {"started": ["Fri Nov 27 01:40:00 UTC 2026"] * 3}),
        "flapping",
        "does not stay up: 3 starts within an hour; starting",
        False,
    ),
    "down": (
        ("down", {"faults": FAULTS, "why": "its raylet is stopped"}),
        "stays-down",
        "stays down after 4 faults within an hour: its raylet is stopped",
        False,
    ),
    "waits": (
        ("waiting", {"away": CLOCK - 90}),
        "partitioned",
        "cannot reach the head at 10.0.0.1:6379 for 90 s",
        False,
    ),
    "apart": (
        ("running", {"raylet": True, "away": CLOCK - 9}),
        "partitioned",
        "cannot reach the head at 10.0.0.1:6379 for 9 s",
        True,
    ),
}


@pytest.mark.parametrize(("says", "state", "problem", "counts"), WATCHED.values(), ids=WATCHED)
def test_what_the_watch_of_a_node_says(deployed, world, says, state, problem, counts):
    phase, more = says
    watched(world["one"], phase, **more)
    found = status(deployed)
    one = found["nodes"][1]
    assert (one["state"], one["alive"]) == (state, counts)
    assert (problem or "") in (one["problem"] or "")
    assert found["healthy"] is (problem is None)


def test_what_stays_down_is_called_so_while_its_supervisor_starts_it(deployed, world):
    one = world["one"]
    watched(one, "down", faults=FAULTS, why="its raylet is stopped")
    one.active, one.supervisor, one.joins = False, "activating", False
    assert status(deployed)["nodes"][1]["state"] == "stays-down"


def test_each_state_of_a_host_has_its_word(deployed, world):
    def word() -> str:
        return status(deployed)["nodes"][1]["state"]

    one = world["one"]
    assert word() == "running"
    one.reachable = False
    assert word() == "unreachable", "although Ray's table knows it as alive"
    one.joins = False
    assert word() == "unreachable"
    one.reachable = True
    assert word() == "partitioned"
    one.state["ray"] = "2.51.0"
    assert word() == "differs"
    assert status(deployed)["nodes"][1]["problem"] == "Ray 2.51.0 here, 2.52.0 on the head"
    one.active = False
    assert word() == "stopped"
    one.supervisor = "activating"
    assert word() == "starting"
    one.state = None
    assert word() == "not-deployed"


def test_since_when_it_runs(deployed, world):
    watched(world["one"], "running", raylet=True, started=["Fri Nov 27 01:40:00 UTC 2026"])
    one = status(deployed)["nodes"][1]
    assert (one["since"], one["starts"]) == ("2033-05-18T03:25:00Z", 1)


def test_a_deploy_repairs_what_has_no_raylet_and_leaves_what_starts(deployed, world):
    def plan() -> tuple[str, ...]:
        deployed.operate(operation.PREPARE, report=False)
        return deployed.run.now(deployed.run.workers()[0]).change.why

    watched(world["one"], "running")
    assert plan() == ("its raylet does not run",)
    watched(world["one"], "down")
    assert plan() == ("its raylet does not run",)
    watched(world["one"], "starting")
    assert plan() == ()
    watched(world["one"], "running", raylet=True)
    assert plan() == ()


def test_a_start_starts_what_has_no_raylet(deployed, world):
    watched(world["one"], "down")
    assert deployed.operate(operation.START) == 0
    assert "start the worker" in world["one"].titles
    assert "start the worker" not in world["two"].titles


def moves(fleet, name: str, address: str) -> None:
    """The host gets another address, and the hosts file follows."""
    hosts, host = fleet.world.hosts, fleet.world[name]
    old, hosts[address] = host.address, host
    del hosts[old]
    host.address = address
    fleet.edit(f"host: {old}", f"host: {address}")


class TestAChangedAddress:
    def test_of_the_head_is_reported_at_once(self, deployed, world):
        moves(deployed, "head", "10.0.0.9")
        found = status(deployed)
        assert problems(found) == {
            "head": "its address was 10.0.0.1 and is 10.0.0.9 now",
            "one": "the head's address has changed",
            "two": "the head's address has changed",
        }
        assert alive(found) == []
        assert "read Ray's node table" not in world["head"].titles
        assert unhealthy(found, 3, {"head", "one", "two"})[1].startswith("fab deploy-cluster")

    def test_of_a_worker(self, deployed, world):
        moves(deployed, "two", "10.0.0.9")
        found = status(deployed)
        assert problems(found)["two"] == "its address was 10.0.0.3 and is 10.0.0.9 now"
        assert alive(found) == ["head", "one"]

    def test_a_deploy_repairs_it(self, deployed, world):
        moves(deployed, "head", "10.0.0.9")
        assert deployed.operate(operation.DEPLOY) == 0
        assert status(deployed)["healthy"]


@pytest.mark.parametrize(
    ("lines", "log", "why"),
    [
        (
            ['{"asked": true}'],
            ["Thread 0x1:", '  File "x.py", line 3 in call'],
            "the head's GCS does not answer",
        ),
        (['{"asked": true}'], [], "the head's GCS does not answer"),
        (['{"asked": true}'], ["ConnectionError: no"], "Ray's head does not answer: ConnectionError: no"),
        (['{"asked": true}', '{"answered": true}'], ["Killed"], "Ray's head does not answer: Killed"),
    ],
)
def test_a_gcs_that_hangs_is_told_from_other_failures(deployed, world, lines, log, why):
    world["head"].replies["read Ray's node table"] = said([], {"answer": lines, "log": log})
    found = status(deployed)
    assert problems(found)["head"] == why
    way = unhealthy(found, 3, {"head", "one", "two"})[1]
    assert way.startswith("fab logs --host head --component gcs") == ("GCS" in why)


class TestDashboard:
    @pytest.mark.parametrize(
        ("listens", "url"),
        [
            ("127.0.0.1", "http://127.0.0.1:8265"),
            ("0.0.0.0", "http://10.0.0.1:8265"),
            ("10.0.0.1", "http://10.0.0.1:8265"),
            ("'::'", "http://10.0.0.1:8265"),
            ("'::1'", "http://[::1]:8265"),
        ],
    )
    def test_is_where_it_listens(self, fleet, listens, url):
        fleet.edit("cluster: lab", f"cluster: lab\nray: {{dashboard_host: {listens}, auth: token}}")
        assert status(fleet)["dashboard"] == url

    def test_of_a_head_with_ipv6(self, fleet):
        fleet.edit("name: head", "name: head, node_ip: 'fd00::1'")
        fleet.edit("cluster: lab", "cluster: lab\nray: {dashboard_host: '::', auth: token}")
        found = status(fleet)
        assert (found["address"], found["dashboard"]) == ("[fd00::1]:6379", "http://[fd00::1]:8265")


@pytest.mark.parametrize("host", ["10.0.0.2", "alias"])
def test_a_run_over_some_hosts_takes_the_others_from_ray_s_table(fleet, host):
    if host == "alias":
        rename(fleet, "10.0.0.2", host)
    assert fleet.operate(operation.DEPLOY) == 0
    run = fleet.make(names=("head", "two"))
    operate(run, operation.STATUS)
    rows = [(n["name"], n["alive"], n["ray"], n["cpus"], n["problem"]) for n in as_json(run)["nodes"]]
    assert rows == [(name, True, "2.52.0", 4, None) for name in ("head", "one", "two")]
    fleet.world["one"].active = False
    run = fleet.make(names=("head", "two"))
    operate(run, operation.STATUS)
    assert problems(as_json(run)) == {"head": None, "one": "not in Ray's node table", "two": None}
