"""However an operation ends: its exit status, one line that says why, the lock given back, all closed."""

from __future__ import annotations

import signal
import threading
from types import SimpleNamespace

import pytest

from tasks.actions import summary
from tasks.phases import operation
from tasks.phases.stop import stop
from tasks.run.failures import Failure, HostFailed, Stop
from tasks.run.step import Step
from tasks.ssh import Cancelled, ConnectionLost, StepTimeout
from tests.phases.world import refused

BEGIN = operation.STOP[:2]  # connected, facts known, the lock taken


def raising(error: BaseException):
    def work(run):
        raise error

    return Step("Raise", work)


def failing(name: str):
    def work(run):
        run.fail(next(n for n in run.every() if n.name == name), Failure("broke", "repair it"))

    return Step("Fail", work)


class TestExitStatus:
    def test_of_success_is_0(self, fleet):
        assert fleet.operate(BEGIN) == 0

    @pytest.mark.parametrize("code", [1, 2, 3])
    def test_of_a_stop_is_its_own(self, fleet, code):
        assert fleet.operate([*BEGIN, raising(Stop("no further", "turn round", code=code))]) == code
        assert fleet.out.splitlines()[-2:] == ["✗ no further", "  → turn round"]

    @pytest.mark.parametrize(
        "error",
        [
            HostFailed(Failure("the script failed", "look at it")),
            ConnectionLost("the script failed", "look at it"),
        ],
        ids=lambda e: type(e).__name__,
    )
    def test_of_a_failure_outside_the_hosts_own_work(self, fleet, error):
        assert fleet.operate([*BEGIN, raising(error)]) == 1
        assert fleet.out.splitlines()[-2:] == ["✗ the script failed", "  → look at it"]

    def test_of_a_failed_host_with_a_table(self, fleet):
        assert fleet.operate([*BEGIN, failing("two")]) == 1
        assert fleet.out.splitlines()[-3:] == ["failed  why", "two     broke", "  → repair it"]

    def test_of_a_failed_host_without_the_table_where_the_caller_has_its_own(self, fleet):
        assert fleet.operate([*BEGIN, failing("two")], report=False) == 1
        assert "broke" not in fleet.out

    def test_of_a_stop_counts_more_than_that_of_a_failed_host(self, fleet):
        assert fleet.operate([*BEGIN, failing("two"), raising(Stop("locked", code=3))]) == 3

    def test_a_stop_skips_the_rest_and_the_end(self, fleet):
        seen = []
        fleet.operate(
            [*BEGIN, raising(Stop("no")), Step("Note", lambda run: seen.append("step"))],
            lambda run: seen.append("end"),
        )
        assert seen == []

    def test_an_unexpected_exception_is_one_line(self, fleet):
        assert fleet.operate([*BEGIN, raising(KeyError("oops"))]) == 1
        assert fleet.out.splitlines()[-2:] == [
            "✗ unexpected: KeyError: 'oops'",
            "  → please report this; --debug shows more",
        ]

    def test_an_unexpected_exception_of_one_host_is_that_host_s(self, fleet, world):
        world["two"].replies["gather facts"] = ZeroDivisionError("oops")
        seen = []
        assert fleet.operate(BEGIN, lambda run: seen.extend(n.name for n in run.living())) == 1
        assert seen == ["head", "one"]
        assert "  ✗ two: unexpected: ZeroDivisionError: oops" in fleet.out.splitlines()
        assert "Traceback" not in fleet.out

    def test_debug_shows_it_whole(self, fleet, world):
        with pytest.raises(KeyError):
            fleet.operate([*BEGIN, raising(KeyError("oops"))], debug=True)
        assert world.held_by == ""
        assert all(c.closed for c in world.connections)

    def test_a_stop_inside_one_host_s_work_is_that_host_s(self, fleet):
        def phase(run):
            def one(node, board):
                if node.name == "two":
                    raise Stop("cannot fetch uv for Linux", "install it by hand")

            run.each("Install", run.living(), one)

        assert fleet.operate([*BEGIN, Step("Install", phase)]) == 1
        assert "  ✗ two: cannot fetch uv for Linux" in fleet.out.splitlines()
        assert "unexpected" not in fleet.out


class TestLock:
    def test_held_by_another_run(self, fleet, world):
        world.held_by = "eve@far since noon: deploy-cluster"
        assert fleet.operate(operation.DEPLOY) == 3
        assert "✗ the cluster is locked by eve@far since noon: deploy-cluster" in fleet.out
        assert world.held_by == "eve@far since noon: deploy-cluster"
        assert all(h.titles == ["gather facts"] for h in world.hosts.values())

    def test_is_waited_for_and_then_the_other_hosts_are_asked_again(self, fleet, world, monkeypatch):
        world.held_by = "eve@far since noon: deploy-cluster"
        slept = []

        def sleep(seconds):
            slept.append(seconds)
            if len(slept) == 2:
                world.held_by = ""

        clock = SimpleNamespace(sleep=sleep, monotonic=lambda: 5.0 * len(slept))
        monkeypatch.setattr("tasks.phases.gather_facts.time", clock)
        assert fleet.operate(BEGIN, lock_wait=60) == 0
        assert slept == [5.0, 5.0]
        titles = {name: host.titles.count("gather facts") for name, host in world.hosts.items()}
        assert set(titles.values()) == {2, 3} and list(titles.values()).count(3) == 1

    def test_that_is_not_given_back_in_time(self, fleet, world, monkeypatch):
        world.held_by = "eve@far since noon: deploy-cluster"
        slept = []
        clock = SimpleNamespace(sleep=slept.append, monotonic=lambda: 5.0 * len(slept))
        monkeypatch.setattr("tasks.phases.gather_facts.time", clock)
        assert fleet.operate(BEGIN, lock_wait=12) == 3
        assert slept == [5.0, 5.0, 2.0]
        assert "✗ the cluster is locked by eve@far since noon: deploy-cluster" in fleet.out

    def test_held_by_another_run_though_a_host_is_away(self, fleet, world):
        world.held_by = "eve@far since noon: deploy-cluster"
        world["one"].reachable = False
        assert fleet.operate(operation.DEPLOY) == 3

    @pytest.mark.parametrize("error", [None, Stop("no"), KeyError("oops"), StepTimeout("slow")], ids=repr)
    def test_the_lock_is_released_after_success_and_after_any_error(self, fleet, world, error):
        fleet.operate([*BEGIN, *([raising(error)] if error else [])])
        assert world.held_by == ""
        assert world["head"].titles[-1] == "release the lock"

    def test_is_released_once_after_a_restart(self, fleet, world):
        assert fleet.operate(operation.DEPLOY) == 0
        assert fleet.operate(operation.RESTART, what="restart") == 0
        assert world["head"].titles.count("release the lock") == 1
        assert world.held_by == ""

    def test_that_cannot_be_released_ends_with_the_connection(self, fleet, world):
        world["head"].replies["release the lock"] = ConnectionLost("head: lost")
        assert fleet.operate(BEGIN) == 0
        assert all(c.closed for c in world.connections)

    def test_is_not_taken_where_nothing_changes(self, fleet, world):
        world.held_by = "eve@far"
        assert fleet.operate(operation.STATUS) == 0
        assert "release the lock" not in world["head"].titles

    def test_of_a_dead_run_is_taken_over_with_a_note(self, fleet, world):
        world["head"].facts["stale"] = "eve@far since noon"
        assert fleet.operate(BEGIN) == 0
        assert "! took over the lock of a run that has died: eve@far since noon" in fleet.out


class TestInterrupt:
    @pytest.fixture
    def interrupt(self, world):
        """A host's reply during which the person types Ctrl-C; it lasts until the connection is cancelled."""
        cancelled = threading.Event()

        def reply(script):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            for _ in range(50):
                if any(c.cancelled for c in world.connections):
                    break
                cancelled.wait(0.1)
            raise Cancelled("stopped from this side")

        return reply

    def test_reports_what_was_done_and_what_was_not(self, fleet, world, interrupt):
        fleet.operate(operation.DEPLOY)
        world["one"].active = world["two"].active = False
        world["two"].replies["start the worker"] = interrupt
        world["one"].replies["start the worker"] = refused("no")
        assert fleet.operate(operation.DEPLOY) == 130
        assert fleet.out.splitlines()[-4:] == [
            "✗ interrupted",
            "  done: finished on no host",
            "  unfinished: head, one, two",
            "  → fab TASK finishes the rest",
        ]

    def test_names_the_hosts_on_which_something_was_done(self, fleet, world, interrupt):
        world["two"].replies["start the worker"] = interrupt
        world["one"].reachable = False
        assert fleet.operate(operation.DEPLOY) == 130
        done = next(line for line in fleet.out.splitlines() if line.startswith("  done: "))
        assert "head: installed, started" in done
        assert "two: installed" in done
        assert "  unfinished: one" in fleet.out.splitlines()

    def test_of_the_head_s_start_leaves_the_workers_alone(self, fleet, world, interrupt):
        world["head"].replies["start the head"] = interrupt
        assert fleet.operate(operation.DEPLOY) == 130
        assert not any(h.active for h in world.hosts.values())
        assert not any("start the worker" in h.titles for h in world.hosts.values())

    def test_before_a_host_could_be_changed_nothing_was(self, fleet, world, interrupt):
        world["one"].replies["gather facts"] = interrupt
        assert fleet.operate(operation.DEPLOY) == 130
        assert "  done: nothing was changed" in fleet.out.splitlines()

    def test_of_a_host_s_first_change_does_not_claim_that(self, fleet, world, interrupt):
        world["one"].replies["install Ray with uv"] = interrupt
        for name in ("head", "two"):
            world[name].replies["install Ray with uv"] = refused("no space")
        assert fleet.operate(operation.DEPLOY) == 130
        assert "  done: finished on no host" in fleet.out.splitlines()

    def test_closes_every_connection(self, fleet, world, interrupt):
        world["head"].replies["gather facts"] = interrupt
        assert fleet.operate(operation.DEPLOY) == 130
        assert len(world.connections) == 3
        assert all(c.closed and c.cancelled for c in world.connections)

    def test_of_a_read_only_operation_names_no_rest(self, fleet):
        assert fleet.operate([*operation.REACH, raising(KeyboardInterrupt())]) == 130
        assert fleet.out.splitlines()[-2:] == ["✗ interrupted", "  done: nothing was changed"]

    def test_an_interrupt_between_two_steps_closes_every_connection(self, fleet, world):
        assert fleet.operate([*BEGIN, raising(KeyboardInterrupt())]) == 130
        assert all(c.closed for c in world.connections)

    def test_while_the_lock_is_released(self, fleet, world):
        world["head"].replies["release the lock"] = KeyboardInterrupt()
        assert fleet.operate(BEGIN) == 130
        assert "✗ interrupted" in fleet.out
        assert all(c.closed for c in world.connections)


class TestStopAndDestroy:
    @pytest.fixture
    def deployed(self, fleet):
        assert fleet.operate(operation.DEPLOY) == 0
        return fleet

    def test_stops_workers_first(self, deployed, world):
        order = []
        for host in world.hosts.values():
            host.replies["stop Ray"] = lambda script, host=host: order.append(host.name) or host._stop(script)
        assert deployed.operate(operation.STOP) == 0
        assert order[-1] == "head"
        assert deployed.done() == [["stopped"]] * 3

    def test_stopping_twice_changes_nothing(self, deployed):
        deployed.operate(operation.STOP)
        assert deployed.operate(operation.STOP) == 0
        assert deployed.done() == [[], [], []]

    def test_one_that_cannot_be_stopped_does_not_affect_the_others(self, deployed, world):
        world["one"].replies["stop Ray"] = refused("it will not end", "kill it")
        assert deployed.operate(operation.STOP) == 1
        assert [h.active for h in world.hosts.values()] == [False, True, False]
        assert deployed.out.splitlines()[-2:] == ["one     it will not end", "  → kill it"]

    def test_destroy_removes_every_node(self, deployed, world):
        assert deployed.operate(operation.DESTROY) == 0
        assert [h.state for h in world.hosts.values()] == [None] * 3
        assert deployed.done() == [["removed"]] * 3

    @pytest.mark.parametrize(
        ("steps", "title", "report", "said"),
        [
            (operation.DESTROY, "remove everything", summary.destroyed, "removed from 2 of 3 hosts"),
            (operation.STOP, "stop Ray", summary.stopped, "stopped on 2 of 3 hosts"),
        ],
    )
    def test_where_it_failed_it_does_not_say_that_nothing_was_there(
        self, deployed, world, steps, title, report, said
    ):
        world["one"].replies[title] = refused("sudo needs a password", "sudo_password")
        assert deployed.operate(steps, report) == 1
        assert f"✗ {said}; failed: one" in deployed.out
        world["one"].reachable = False
        assert deployed.operate(steps, report) == 1
        assert f"✗ {said.replace('2 of', '0 of').replace('3 hosts', '1 host')}; failed: one" in deployed.out
        assert "✓ nothing" not in deployed.out

    def test_names_what_it_could_not_remove(self, deployed, world):
        world["one"].replies["remove everything"] = refused("")
        answer = world["one"].replies["remove everything"]
        answer.ok, answer.all["left"], answer.values = True, ["/tmp/ray/session_1"], {"changed": "1"}
        deployed.operate(operation.DESTROY)
        assert "! one: could not remove /tmp/ray/session_1, which belongs to another user" in deployed.out

    def test_a_limit_stops_the_named_host_only(self, deployed, world):
        assert deployed.operate((*BEGIN, stop), limit=["two"]) == 0
        assert [h.active for h in world.hosts.values()] == [True, True, False]

    def test_without_the_head_the_workers_are_stopped_anyway(self, deployed, world):
        world["head"].reachable = False
        assert deployed.operate(operation.STOP) == 1
        assert "the head is unreachable" in deployed.out
        assert set(deployed.run.record.done) == {"one", "two"}

    def test_without_the_head_nothing_is_started(self, deployed, world):
        world["head"].reachable = False
        assert deployed.operate(operation.RESTART) == 1
        assert not deployed.run.record.done
