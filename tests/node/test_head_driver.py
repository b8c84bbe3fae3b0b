"""What starts a head that keeps its state: a state that Ray could not open is put aside, and every other one is not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tasks.node import gcs_store

BROKEN = (
    "E gcs: Check failed: Failed to open RocksDB at /x: Corruption: CURRENT file does not end with newline\n"
)
IN_USE = "E gcs: Check failed: Failed to open RocksDB at /x: IO error: While lock file: /x/LOCK: busy\n"


@pytest.fixture
def begin(tmp_path):
    """begin(log): a head that had `trying` left behind and whose GCS wrote this; its folder, and what was printed."""
    store, logs = tmp_path / "gcs", tmp_path / "ray" / "session_latest" / "logs"

    def run(log: str | None):
        logs.mkdir(parents=True)
        store.mkdir()
        (store / "session_name").write_text("session")
        if log is not None:
            (tmp_path / "gcs.trying").touch()
            os.utime(tmp_path / "gcs.trying", (1, 1))
            (logs / "gcs_server.1.err").write_text(log)
        words = ["sh", "-c", "echo became $0 $1", "start", "--port=1", f"--temp-dir={tmp_path}/ray"]
        env = {**os.environ, "RAY_gcs_storage_path": str(store)}
        _, code, text = gcs_store.entry()
        done = subprocess.Popen(
            [sys.executable, code, text, *words],
            env=env,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        out = done.stdout.readline() + (done.stdout.readline() if log == BROKEN else "")
        os.killpg(done.pid, 9)
        return store, out

    return run


def test_one_that_ray_could_not_open_is_put_aside(begin):
    store, out = begin(BROKEN)
    assert f"Ray could not open the state in {store}: it is in {store}.unreadable now" in out
    assert list(store.iterdir()) == []
    assert (store.parent / "gcs.unreadable" / "session_name").exists()
    assert "became start --port=1" in out


@pytest.mark.parametrize("log", [None, "I gcs: all is well\n", IN_USE], ids=["nothing", "well", "in use"])
def test_any_other_is_left_as_it_is(begin, log):
    store, out = begin(log)
    assert out == "became start --port=1\n"
    assert (store / "session_name").exists()
    assert (store.parent / "gcs.trying").exists()
