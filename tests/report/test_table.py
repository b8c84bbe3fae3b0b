"""Tables fit the terminal: no host name, address or version is ever broken, and nothing is left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from tasks.phases import show_hosts
from tasks.report import failures, status
from tasks.report.table import INDENT, NOTHING, Column, described, lay_out, wrap

WIDTHS = (120, 80, 60, 40, None)


def node(name: str, ip: str | None, **different):
    common = {"role": "worker", "alive": True, "runtime": "uv", "ray": "2.60.0", "python": "3.11.7"}
    return {"name": name, "node_ip": ip, **common, "cpus": 8, "gpus": 0, "problem": None, **different}


def down(name: str, ip: str | None, problem: str, **different):
    unknown = dict.fromkeys(("ray", "python", "cpus", "gpus"))
    return node(name, ip, alive=False, **unknown, problem=problem, **different)


ALIVE = [
    node("rayfab-lab-1", "198.18.10.11", role="head"),
    node("rayfab-lab-2", "198.18.10.12"),
    node("rayfab-lab-3", "198.18.10.13"),
]
DOWN = [*ALIVE[:2], down("rayfab-lab-3", "198.18.10.13", "198.18.10.13:22 did not answer within 10 s")]
MIXED = [
    node("head", "10.0.0.1", role="head", runtime="docker", cpus=64, gpus=0),
    node("gpu-1", "10.0.0.2", cpus=128, gpus=8),
    node("gpu-2", "10.0.0.3", cpus=128, gpus=7, problem="Ray counts 7 GPUs, the file says 8"),
    node(
        "mallory",
        "10.0.0.99",
        runtime=None,
        ray=None,
        python=None,
        problem="in Ray's node table, but not listed",
    ),
]
LONG = [
    node(
        "gpu-worker-0017.rack-042.cluster-a.dc-eu-1.infra.example.com",
        "fd12:3456:789a:bcde:f012:3456:789a:bcde",
        role="head",
    ),
    node("计算节点-二", "fd12::2", runtime="docker", cpus=16),
    down("b", "fd12::3", "磁盘已满，无法写入文件：/var/lib/docker/overlay2/l 请清理磁盘后再试一次"),
]
CASES = {"alive": ALIVE, "one": ALIVE[:1], "down": DOWN, "mixed": MIXED, "long": LONG}


def shown(columns, rows, width) -> list[str]:
    return [line.plain for line in lay_out(columns, rows, width)]


@pytest.mark.parametrize("case", CASES)
def test_of_the_cluster_s_state(kept, case):
    rows = [status._row(node) for node in CASES[case]]
    kept(f"status-{case}", {width: shown(status.COLUMNS, rows, width) for width in WIDTHS})


def test_of_hosts_that_are_checked(kept):
    rows = [
        ("node-1", "Linux x86_64", "8", "31.2 GiB", "ann (sudo)", "3.10.12, 3.11.7, 3.12.3", "not deployed"),
        ("node-2", "Linux x86_64", "8", "31.2 GiB", "ann (sudo)", "Docker 28.1.1", "not deployed"),
        ("mac", "Darwin arm64", "10", "64.0 GiB", "ann (not root)", "3.11.7", "not deployed"),
        ("away", "-", "-", "-", "-", "-", "-"),
    ]
    kept("check", {width: shown(show_hosts.COLUMNS, rows, width) for width in WIDTHS})


def test_of_hosts_that_failed(kept):
    rows = [
        ("node-3", "198.18.10.13:22 did not answer within 10 s"),
        (
            "node-4.rack-2.example.com",
            "the disk is full: 2300 MB are needed in /home/ann/.rayfab, 120 MB are free",
        ),
    ]
    kept("failed", {width: shown(failures.COLUMNS, rows, width) for width in WIDTHS})


def test_of_commands_and_what_they_are_for(kept):
    lines = [
        ("./fab status --hosts-file lab.yml", "what runs where"),
        ("./fab dashboard --hosts-file lab.yml", "Ray's dashboard of 198.18.10.11:6379, through a tunnel"),
    ]
    kept("commands", {width: [line.plain for line in described(lines, width)] for width in WIDTHS})


def test_every_kept_text_is_used():
    names = {path.stem for path in (Path(__file__).parent / "kept").iterdir()}
    assert names == {*(f"status-{case}" for case in CASES), "check", "failed", "commands", "board"}


def test_titles_alone_stand_for_columns_of_which_the_last_may_wrap(terminal, text, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    terminal.rich._color_system = None
    terminal.table(("host", "plan"), [("node-1", "install uv 0.9.1, then start it"), ("node-2", "start it")])
    assert text(terminal).splitlines() == [
        "host    plan",
        "node-1  install uv 0.9.1, then start it",
        "node-2  start it",
    ]
    terminal.table(("host", "plan"), [("node-1", "install uv 0.9.1, then start the worker again")])
    assert text(terminal).splitlines()[3:] == [
        "host    plan",
        "node-1  install uv 0.9.1, then start the",
        "        worker again",
    ]


def test_several_texts_share_what_room_there_is():
    columns = [Column("host"), Column("old", wraps=True), Column("new", wraps=True)]
    rows = [("n1", " ".join(["word"] * 10), " ".join(["other"] * 10))]
    assert shown(columns, rows, 81) == [
        "host  old                                                new",
        "n1    word word word word word word word word word word  other other other other",
        "                                                         other other other other",
        "                                                         other other",
    ]
    assert shown(columns, rows, 60)[1:] == [
        "n1    word word word word word      other other other other",
        "      word word word word word      other other other other",
        "                                    other other",
    ]
    assert shown(columns, rows, 50)[1:] == [
        "n1",
        "  old: word word word word word word word word",
        "  word word",
        "  new: other other other other other other other",
        "  other other other",
    ]


def test_colours_survive_the_layout():
    line = lay_out([Column("state"), Column("why", wraps=True)], [(Text("down", "red"), "x")], 80)[1]
    assert [(span.start, span.end, span.style) for span in line.spans] == [(0, 4, "red")]


def test_a_table_without_values_shows_its_headings():
    assert shown(status.COLUMNS, [], 80)[0].split()[:2] == ["host", "role"]
    assert shown([Column("host"), Column("why")], [("-", "")], 80) == ["host", "-"]


def test_what_hundreds_of_hosts_share_is_shown_once():
    rows = [status._row(node(f"node-{n:03}", f"10.0.{n // 256}.{n % 256}")) for n in range(500)]
    lines = shown(status.COLUMNS, rows, 60)
    assert len(lines) == 503
    assert lines[-3:] == [
        "node-499  10.0.1.243  alive",
        "all: worker, uv, Ray 2.60.0, Python 3.11.7, 8 CPUs each,",
        "no GPUs",
    ]


names = st.from_regex(r"[a-z][a-z0-9.-]{0,60}[a-z0-9]", fullmatch=True)
texts = st.text(st.sampled_from("abc  磁盘,:/-"), max_size=90).map(lambda text: " ".join(text.split()))
tables = st.lists(
    st.tuples(
        names,
        st.sampled_from(["-", "10.0.0.1", "fd12:3456:789a:bcde:f012:3456:789a:bcde"]),
        st.sampled_from(["-", "uv", "docker"]),
        st.sampled_from(["-", "2.60.0"]),
        texts,
    ),
    min_size=1,
    max_size=6,
)
COLUMNS = (
    Column("host"),
    Column("node ip"),
    Column("runtime", as_text=str),
    Column("ray", as_text="Ray {}".format),
    Column("problem", wraps=True),
)


@given(tables, st.integers(10, 160))
@example([("a", "-", "-", "-", "")], 10)
def test_any_table_fits_and_leaves_nothing_out(rows, width):
    lines = shown(COLUMNS, rows, width)
    assert all(line == line.rstrip() for line in lines)
    words = [word for line in lines for word in line.replace(",", " ").split()]
    for name, ip, runtime, ray, problem in rows:
        atoms = [atom for atom in (name, ip, runtime, ray) if atom not in NOTHING]
        assert all(any(atom in word for word in words) for atom in atoms)
        said = "".join(line.strip() for line in lines).replace(" ", "")
        assert problem in NOTHING or problem.replace(" ", "") in said
    # no line is longer than the terminal but for one atom that is so by itself
    atoms = [f"where known: node ip {atom}, " for row in rows for atom in (row[0], row[1], "Ray 2.60.0")]
    atoms += [piece for row in rows for piece in row[4].split()]
    if max(cell_len(atom) + INDENT for atom in atoms) <= width:
        assert all(cell_len(line) <= width for line in lines)


@given(texts, st.integers(1, 60))
def test_wrapping_loses_nothing(text, width):
    lines = wrap([f"{word} " for word in text.split()], width)
    assert " ".join(lines).split() == text.split()
    assert all(cell_len(line) <= width or " " not in line for line in lines)
