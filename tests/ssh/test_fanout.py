"""One thing done to many: bounded, each on its own."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tasks.ssh import Interrupted, fan_out


def test_outcomes_keep_the_items_order():
    outcomes = fan_out([3, 1, 2], lambda n: time.sleep(n / 100) or n * n)
    assert {k: o.value for k, o in outcomes.items()} == {3: 9, 1: 1, 2: 4}
    assert list(outcomes) == [3, 1, 2]


def test_no_items_give_no_results():
    assert fan_out([], print) == {}


def test_an_exception_is_the_items_own():
    def fn(n):
        if n == 1:
            raise ValueError("no")
        if n == 2:
            raise SystemExit(3)
        return n

    outcomes = fan_out([0, 1, 2, 3], fn)
    assert [o.ok for o in outcomes.values()] == [True, False, False, True]
    assert isinstance(outcomes[1].error, ValueError)
    assert isinstance(outcomes[2].error, SystemExit)


@pytest.mark.parametrize("limit", [1, 3, 0])
def test_never_more_than_the_limit_at_once(limit):
    lock, now, most = threading.Lock(), 0, 0

    def fn(_):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1

    fan_out(range(12), fn, limit=limit)
    assert most == max(1, limit)


def test_a_hanging_item_costs_the_others_nothing():
    release, seen, start = threading.Event(), [], time.monotonic()

    def fn(n):
        if n == 0:
            release.wait(10)
        else:
            seen.append(n)
            if len(seen) == 20:
                release.set()  # only if all others could run meanwhile does the hanging one go on
        return n

    outcomes = fan_out(range(21), fn, limit=2)
    assert all(o.ok for o in outcomes.values())
    assert time.monotonic() - start < 5


class TestCtrlC:
    def test_what_ended_is_kept_and_nothing_more_begins(self):
        begun, hang, calls = [], threading.Event(), []

        def fn(n):
            begun.append(n)
            if n == 1:
                os.kill(os.getpid(), signal.SIGINT)
                hang.wait(10)
            return n

        def close():
            calls.append(1)
            hang.set()

        with pytest.raises(Interrupted) as caught:
            fan_out([0, 1, 2, 3, 4], fn, limit=1, on_interrupt=close)
        assert calls == [1]
        assert {0, 1} <= set(caught.value.outcomes) <= set(begun)
        assert 4 not in begun

    def test_a_thread_that_hangs_for_ever_does_not_hold_up_the_exit(self):
        program = (
            "import signal, os, threading, time\n"
            "from tasks.ssh import fanout\n"
            "fanout._BRIEFLY = 0.2\n"
            "threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
            "try:\n"
            "    fanout.fan_out([1], lambda n: time.sleep(60))\n"
            "except KeyboardInterrupt as error:\n"
            "    print('interrupted', error.outcomes)\n"
        )
        start = time.monotonic()
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
        assert (done.stdout, done.stderr) == ("interrupted {}\n", "")
        assert time.monotonic() - start < 10
