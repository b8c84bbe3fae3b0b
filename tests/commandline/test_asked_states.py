"""``state:`` in ``--limit``: this machine is asked for its state, once, before the command runs."""

import pytest

from fabfile import ns
from tasks.actions import states

LOCAL = """
cluster: notthere
head: {host: localhost, name: here, connection: local, runtime: uv}
"""


@pytest.fixture
def local(tmp_path, monkeypatch):
    path = tmp_path / "hosts.yml"
    path.write_text(LOCAL)
    monkeypatch.setenv("RAY_HOSTS_FILE", str(path))
    monkeypatch.setattr(states, "_asked", {})


def test_a_host_is_selected_by_its_state(local, run):
    done = run("exec", "--limit", "state:not-deployed,state:down", "--", "echo", "hi", namespace=ns)
    assert (done.status, done.out.splitlines()[-2:][0]) == (0, "here hi"), done.err
    # the question is not part of the command's own output
    assert "Gather facts" in done.err and "Gather facts" not in done.out
    again = run("exec", "--limit", "!state:running", "--", "echo", "hi", namespace=ns)
    assert again.status == 0 and "Gather facts" not in again.err


def test_a_state_that_no_host_is_in(local, run):
    done = run("exec", "--limit", "state:running", "--", "echo", "hi", namespace=ns)
    assert done.status == 2
    assert done.err.splitlines()[-1] == "✗ --limit state:running: no host is in this state"


def test_a_word_that_is_no_state_asks_nobody(local, run):
    done = run("exec", "--limit", "state:runing", "--", "echo", "hi", namespace=ns)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(
        "✗ --limit state:runing: there is no such state; did you mean running?\n  → one of"
    )
