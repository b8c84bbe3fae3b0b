"""A bounded number of takers at each source; those that have the image serve in turn."""

import threading

from tasks.inventory import Secret
from tasks.runtimes.steps.pool import AT_ONCE, Pool, Source


def source(name):
    return Source(name, "10.0.0.1", 20001, Secret("token"))


def test_no_more_than_so_many_at_one_source():
    pool = Pool(seed := source("seed"))
    assert [pool.borrow() for _ in range(AT_ONCE)] == [seed] * AT_ONCE
    got = []
    waiting = threading.Thread(target=lambda: got.append(pool.borrow()), daemon=True)
    waiting.start()
    while not pool.crowded:
        pass
    assert got == []
    pool.give_back(seed)
    waiting.join(10)
    assert got == [seed]
    assert not pool.crowded


def test_a_new_source_takes_those_who_wait():
    pool = Pool(source("seed"))
    for _ in range(AT_ONCE):
        pool.borrow()
    got = []
    waiting = threading.Thread(target=lambda: got.append(pool.borrow()), daemon=True)
    waiting.start()
    while not pool.crowded:
        pass
    pool.add(other := source("other"))
    waiting.join(10)
    assert got == [other]


def test_the_least_busy_is_asked_first():
    pool = Pool(seed := source("seed"))
    assert pool.borrow() is seed
    pool.add(other := source("other"))
    assert pool.borrow() is other


def test_one_that_has_failed_is_not_asked_again():
    pool = Pool(seed := source("seed"))
    assert pool.borrow([seed]) is None
    pool.add(other := source("other"))
    assert pool.borrow([seed]) is other


def test_many_hosts_grow_in_waves():
    """500 takers of one seed: nobody ever serves more than so many at a time, and all are served."""
    pool = Pool(source("seed"))
    most, lock, now, served = {}, threading.Lock(), {}, []

    def take(number):
        got = pool.borrow()
        with lock:
            now[got] = now.get(got, 0) + 1
            most[got] = max(most.get(got, 0), now[got])
        with lock:
            now[got] -= 1
            served.append(got)
        pool.give_back(got)
        pool.add(source(str(number)))

    threads = [threading.Thread(target=take, args=(n,)) for n in range(500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(served) == 500
    assert max(most.values()) <= AT_ONCE
