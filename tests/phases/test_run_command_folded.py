"""``fab exec`` on many hosts: equal outputs once, in batches, and on the host itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tasks.phases.run_command import MOST_LINES, run_command
from tasks.report.console import Console
from tasks.run.how import How
from tasks.run.operate import operate
from tasks.run.options import Options
from tasks.run.run import Run
from tasks.run.stages import Listed
from tasks.ssh import Answer, Settings
from tests.script import samples

ALL_AT_ONCE = How()


@pytest.fixture
def ran(capsys):
    """ran({name: (lines, status)}, how): exit status, output, and the scripts by the host's name."""

    def run(hosts, how=ALL_AT_ONCE, system="posix"):
        scripts = {}

        def connection(name, lines, status):
            def ask(script, on_line, **rest):
                scripts[name] = script
                for line in lines:
                    on_line(line)
                return Answer(ok=not status, ended=True, status=status)

            return SimpleNamespace(ask=ask, system=system, cancel=lambda: None, close=lambda: None)

        cluster = SimpleNamespace(name="lab", parallel=50)
        nodes = [Listed(samples.host(name).model_copy(update={"name": name})) for name in hosts]
        made = Run(cluster, Console(), nodes, Settings(), Options("exec"))
        for node in nodes:
            made.put(node.reached(connection(node.name, *hosts[node.name])))
        code = operate(made, [run_command(["uname", "-r"], how)])
        return code, capsys.readouterr().out, scripts

    return run


MANY = {f"node{n:02}": (["6.1"], 0) for n in range(1, 31)}


def test_many_hosts_with_equal_outputs_are_one_line(ran):
    code, said, _ = ran({**MANY, "node07": (["5.4", "", "old"], 0), "boss": ([], 0)})
    assert code == 0
    assert said.splitlines()[1:9] == [
        *("node[01-06,08-30] (29):", "  6.1"),
        *("node07:", "  5.4", "  ", "  old"),
        *("boss:", "  (no output)"),
    ]


def test_few_hosts_print_each_line_as_it_comes(ran):
    _, said, _ = ran({"a": (["1"], 0), "b2": (["1"], 0)})
    assert said.splitlines()[:2] == ["a  1", "b2 1"]


def test_flags_choose_either(ran):
    _, said, _ = ran({"a": (["1"], 0), "b": (["1"], 0)}, How(fold=True))
    assert said.splitlines()[1:3] == ["a,b (2):", "  1"]
    _, said, _ = ran(MANY, How(fold=False))
    assert said.splitlines()[:30] == [f"{name} 6.1" for name in MANY]


def test_a_long_output_is_cut(ran):
    _, said, _ = ran({"a": (["x"] * (MOST_LINES + 5), 0)}, How(fold=True))
    assert (
        said.splitlines()[MOST_LINES + 2]
        == f"  ... more than {MOST_LINES} lines; --all prints each as it comes"
    )


def test_a_batch_in_which_a_host_fails_is_the_last(ran):
    hosts = {f"n{n}": (["1"], 3 if n == 3 else 0) for n in range(1, 7)}
    code, said, scripts = ran(hosts, How(batch="2", root=True))
    assert code == 1 and list(scripts) == ["n1", "n2", "n3", "n4"]
    assert "✗ a host of this batch has failed, so 2 hosts were left out" in said
    assert "fab exec --limit n5,n6 --batch 2 --sudo -- uname -r runs it there" in said


def test_half_of_the_hosts_at_once(ran):
    code, said, scripts = ran({f"n{n}": (["1"], 0) for n in range(1, 6)}, How(batch="50%"))
    assert code == 0 and len(scripts) == 5
    assert "batch 1 of 2: n1, n2, n3" in said and "batch 2 of 2: n4, n5" in said


@pytest.mark.parametrize(
    ("how", "body", "as_root"),
    [
        (How(), ("command",), None),
        (How(in_host=True), ("host_command",), False),
        (How(root=True), ("host_command",), True),
    ],
)
def test_where_it_runs(ran, how, body, as_root):
    _, _, scripts = ran({"a": ([], 0)}, how)
    assert scripts["a"].body == body
    assert dict(scripts["a"].values).get("AS_ROOT") == as_root


def test_windows_says_what_it_lacks(ran):
    code, said, scripts = ran({"a": ([], 0)}, How(root=True), system="windows")
    assert (code, scripts) == (1, {})
    assert "--sudo is not available on Windows" in said and "fab ssh --host a -- uname" in said
