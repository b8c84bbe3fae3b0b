"""Calls a function for many hosts at once: in limited number, independently, and ended at once by Ctrl-C."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)
T = TypeVar("T")

_BRIEFLY = 3.0  # seconds that running calls have to end after Ctrl-C
_LOOK = 0.5  # seconds at most until a Ctrl-C is noticed


@dataclass
class Outcome(Generic[T]):
    """`value`, or the `error` that was raised instead; `seconds` is wall time."""

    value: T | None = None
    error: BaseException | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.error is None


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a fan-out; `.outcomes` has the items that had ended by then."""

    def __init__(self, outcomes: dict) -> None:
        super().__init__("interrupted")
        self.outcomes = outcomes


def fan_out(
    items: Iterable[Item],
    fn: Callable[[Item], T],
    limit: int = 50,
    on_interrupt: Callable[[], None] | None = None,
) -> dict[Item, Outcome[T]]:
    """Calls fn(item) for each item, at most `limit` at a time.

    :param on_interrupt: called on Ctrl-C; it should close what the running calls wait for.
    :returns: the outcomes in the items' order. An exception from `fn` is the outcome of that item.
    :raises Interrupted: Ctrl-C. No further item is started, and running calls have had a moment to end.
    """
    todo = deque(dict.fromkeys(items))
    order = list(todo)
    done: dict[Item, Outcome[T]] = {}
    changed = threading.Condition()

    def work() -> None:
        while True:
            with changed:
                if not todo:
                    return
                item = todo.popleft()
            outcome = _try(fn, item)
            with changed:
                done[item] = outcome
                changed.notify()

    # Not a ThreadPoolExecutor: at exit it waits for every thread, even for one that hangs forever.
    try:
        for number in range(min(max(1, limit), len(order))):
            threading.Thread(target=work, name=f"fan-out-{number}", daemon=True).start()
        with changed:
            while len(done) < len(order):
                # a Ctrl-C just before the wait is noticed only when the wait ends
                changed.wait(_LOOK)
    except KeyboardInterrupt:
        with changed:
            waiting = len(todo)
            todo.clear()
        _wind_up(changed, lambda: len(done) >= len(order) - waiting, on_interrupt)
        with changed:
            raise Interrupted({item: done[item] for item in order if item in done}) from None
    return {item: done[item] for item in order}


def _wind_up(changed: threading.Condition, ended: Callable[[], bool], on_interrupt: Callable | None) -> None:
    try:
        if on_interrupt:
            on_interrupt()
        with changed:
            changed.wait_for(ended, timeout=_BRIEFLY)
    except KeyboardInterrupt:
        pass  # a second Ctrl-C: stop waiting


def _try(fn: Callable[[Item], T], item: Item) -> Outcome[T]:
    start = time.monotonic()
    try:
        return Outcome(value=fn(item), seconds=time.monotonic() - start)
    except BaseException as error:
        return Outcome(error=error, seconds=time.monotonic() - start)
