"""What failed where, and what to do about it: each fix once, whole, with the hosts that it is for."""

from __future__ import annotations

import pytest

from tasks.report import failures

TIMED_OUT = "10.0.0.{n}:22 did not answer within 10 s"
IS_IT_UP = "is the host up, the address right and the port open in its firewall?"


def test_one_failure_is_shown_with_its_fix(pipe, text):
    failures.show(pipe, [("node-1", "the disk is full", "free some space below /home/ann")])
    assert text(pipe).splitlines() == [
        "failed  why",
        "node-1  the disk is full",
        "  → free some space below /home/ann",
    ]


def test_each_fix_stands_once_with_its_hosts(pipe, text):
    failures.show(
        pipe,
        [
            ("node-1", TIMED_OUT.format(n=1), IS_IT_UP),
            ("node-2", "did not join the cluster", "fab logs --host node-2"),
            ("node-3", TIMED_OUT.format(n=3), IS_IT_UP),
            ("node-4", "no idea", ""),
        ],
    )
    assert text(pipe).splitlines() == [
        "failed  why",
        "node-1  10.0.0.1:22 did not answer within 10 s",
        "node-2  did not join the cluster",
        "node-3  10.0.0.3:22 did not answer within 10 s",
        "node-4  no idea",
        f"  → node-1, node-3: {IS_IT_UP}",
        "  → node-2: fab logs --host node-2",
    ]


def test_a_command_that_differs_in_the_host_alone_is_one_for_all():
    hints = [(name, f"fab logs --host {name}; fab status") for name in ("n1", "n10", "n2")]
    assert failures.fixes(hints) == [("fab logs --host n1,n10,n2; fab status", ["n1", "n10", "n2"])]


@pytest.mark.parametrize("hint", ["fab logs --host other", "fab logs --host n1x", "read /home/n1/log"])
def test_another_s_name_in_a_command_stays(hint):
    assert failures.fixes([("n1", hint)]) == [(hint, ["n1"])]


def test_many_hosts_with_one_fix(pipe, text):
    failures.show(pipe, [(f"n{n}", "broke", "look at it") for n in range(300)])
    assert text(pipe).splitlines()[1:] == ["n[0-299]  broke", "  → n[0-299]: look at it"]


@pytest.mark.parametrize("width", ["40", "60", "80"])
def test_a_command_is_never_broken(terminal, text, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("RAYFAB_PROGRAM", "./fab")
    command = "fab exec --limit node-1,node-2 -- sudo systemctl restart docker containerd; fab deploy-cluster"
    failures.show(terminal, [("node-1", "broke " * 20, command), ("node-2", "broke", command)])
    assert text(terminal).splitlines()[-1].endswith(f"node-1, node-2: {command.replace('fab ', './fab ')}")
