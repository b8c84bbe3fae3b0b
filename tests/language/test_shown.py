"""Who reads Chinese, and what of all that the program writes is translated: what a person reads, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks import language
from tasks.language import cells
from tasks.report.table import Column, lay_out
from tests.golden.test_golden import SCRIPTS, assembled, made
from tests.terminal import Terminal

TOP = Path(__file__).parents[2]
LOCALES = ("RAYFAB_LANG", "LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE")


@pytest.mark.parametrize(
    ("environment", "chinese"),
    [
        ({}, False),
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LANG": "zh_CN"}, True),
        ({"LANG": "zh_CN.GB18030"}, True),
        ({"LANG": "zh_TW.UTF-8"}, False),  # another script
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, False),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, True),
        ({"LC_MESSAGES": "zh_CN.UTF-8", "LC_ALL": "C"}, False),
        ({"LC_ALL": "", "LANG": "zh_CN.UTF-8"}, True),
        ({"LC_ALL": "C", "RAYFAB_LANG": "zh_CN"}, True),
        ({"LC_ALL": "C", "RAYFAB_LANG": "zh"}, True),
        ({"LC_ALL": "zh_CN.UTF-8", "RAYFAB_LANG": "en"}, False),
        ({"RAYFAB_LANG": "zh-Hans-CN"}, True),
    ],
)
def test_whose_messages_are_chinese(environment, chinese):
    assert language.wants_chinese(environment) is chinese


PROGRAM = "import runpy, sys; sys.argv = ['tasks', *sys.argv[1:]]\ntry: runpy.run_path('tasks', run_name='__main__')\n"
PROGRAM += "finally: print('MODULES', *sys.modules)"


def fab(*words: str, code: str | None = None, **locale: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in LOCALES}
    command = [sys.executable, *(["-c", code] if code else ["tasks"]), *words]
    more = {"RAYFAB_PROGRAM": "./fab", "COLUMNS": "80", "PYTHONUTF8": "1"}
    return subprocess.run(
        command, cwd=TOP, env=environment | more | locale, capture_output=True, text=True, encoding="utf-8"
    )


def test_in_english_no_catalogue_is_loaded():
    assert "tasks.language.catalogue" not in fab("--list", code=PROGRAM, LANG="C.UTF-8").stdout.split()
    assert "tasks.language.catalogue" in fab("--list", code=PROGRAM, LANG="zh_CN.UTF-8").stdout.split()


def test_the_list_of_tasks():
    done = fab("--list", LANG="zh_CN.UTF-8")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "用法：./fab TASK [--flags]"
    assert "  check            检查主机文件和每台主机；不做任何改动。" in lines
    assert all(cells.columns(line) <= 80 for line in lines)


def test_one_task_with_its_flags():
    lines = fab("deploy-cluster", "--help", LANG="zh_CN.UTF-8").stdout.splitlines()
    assert "把清单中的机器变成一个可用的 Ray 集群。" in lines
    assert any(line.startswith("  --dry-run ") and "显示计划和每个脚本" in line for line in lines)
    assert all(cells.columns(line) <= 80 for line in lines)


def test_a_mistake_has_the_same_exit_status_and_names_the_same_command():
    english, chinese = (fab("chekc", RAYFAB_LANG=name) for name in ("en", "zh_CN"))
    assert (english.returncode, chinese.returncode) == (2, 2)
    assert english.stderr == "✗ there is no task chekc; did you mean check?\n  → ./fab check\n"
    assert chinese.stderr == "✗ 没有 chekc 这个任务；你是不是想用 check？\n  → ./fab check\n"


@pytest.fixture
def hosts(tmp_path):
    path = tmp_path / "hosts.yml"
    path.write_text("cluster: words-test\nhead: {host: localhost, connection: local}\n")
    return ("--hosts-file", str(path))


def test_a_hosts_file_with_mistakes(tmp_path):
    path = tmp_path / "hosts.yml"
    path.write_text("head: {host: 127.0.0.1, connection: local, colour: red}\n")
    done = fab("check", "--hosts-file", str(path), LANG="zh_CN.UTF-8")
    assert done.returncode == 2
    assert f"✗ {path}:1: head.colour: 未知的键" in done.stdout + done.stderr
    assert "1 处错误；没有做任何改动" in done.stdout + done.stderr


def test_what_a_host_prints_is_not_translated(hosts):
    """Lines that are messages of ours, word for word, from a real shell of this machine."""
    ours = ("alive", "nothing was changed", "no answer in time", "✗ there is no lab")
    found = fab("exec", *hosts, "--", "printf", "%s\\n", *ours, RAYFAB_LANG="zh_CN")
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert [line for line in lines if line.startswith("localhost ")] == [f"localhost {line}" for line in ours]
    assert lines[0].startswith("✓ 连接  1 台主机")


@pytest.mark.parametrize("words", [("status", "--json"), ("check", "--schema")], ids=" ".join)
def test_what_a_program_reads_is_the_same_in_both_languages(hosts, words):
    more = () if "--schema" in words else hosts
    english, chinese = (fab(*words, *more, RAYFAB_LANG=name).stdout for name in ("en", "zh_CN"))
    assert json.loads(english)
    assert english == chinese


def test_every_rendered_script_is_the_same_in_both_languages(monkeypatch):
    """What a dry run shows, and a deploy sends."""
    english = {name: assembled(*made(name)) for name in SCRIPTS}
    monkeypatch.setenv("RAYFAB_LANG", "zh_CN")
    language.forget()
    try:
        assert language.said("nothing was changed") == "没有做任何改动"
        assert {name: assembled(*made(name)) for name in SCRIPTS} == english
    finally:
        monkeypatch.undo()
        language.forget()


def test_a_terminal_that_has_no_chinese_characters_gets_english():
    done = fab("chekc", LANG="zh_CN", PYTHONUTF8="0", PYTHONIOENCODING="latin-1", PYTHONCOERCECLOCALE="0")
    assert "there is no task chekc" in done.stderr


def seen(what: str, columns: int) -> list[str]:
    argv = [sys.executable, TOP / "tests/report/driver.py", what]
    env = {"PYTHONPATH": str(TOP), "RAYFAB_PROGRAM": "./fab", "RAYFAB_LANG": "zh_CN"}
    with Terminal(argv, columns=columns, env=env, cwd=TOP) as terminal:
        assert terminal.wait() == 0
        return terminal.lines


def test_columns_stay_aligned_though_characters_are_wide():
    lines = seen("table", 80)
    assert lines[1:5] == [
        "rayfab-lab-1  head    198.18.10.11  存活",
        "rayfab-lab-2  worker  198.18.10.12  存活",
        "rayfab-lab-3  worker  198.18.10.13  停止  198.18.10.13:22 在 10 秒内没有响应",
        "全部: uv; 其中已知的: Ray 2.60.0, Python 3.11.7, 每台 8 个 CPU, 没有 GPU",
    ]
    for title, cell in (("角色", "head"), ("节点", "198"), ("状态", "存活")):
        assert cells.columns(lines[0].partition(title)[0]) == cells.columns(lines[1].partition(cell)[0])


def test_names_in_a_table_are_the_same_in_both_languages(monkeypatch):
    """Such as the doctor's checks, which the manual and the JSON name too."""
    monkeypatch.setenv("RAYFAB_LANG", "zh_CN")
    language.forget()
    try:
        columns = (Column("node"), Column("check", names=True), Column("message", wraps=True))
        lines = [line.plain.split() for line in lay_out(columns, [("memory", "memory", "memory")], None)]
    finally:
        monkeypatch.undo()
        language.forget()
    assert lines == [["节点", "检查项", "消息"], ["memory", "memory", "内存"]]


def test_a_failure_and_its_way_out_on_a_terminal():
    lines = seen("failed", 60)
    assert lines[0].split() == ["失败", "原因"]
    assert all(cells.columns(line) <= 60 or line.startswith("  →") for line in lines)
    assert any("磁盘已满" in line for line in lines)


def test_wide_texts_are_broken_where_they_may_be():
    assert cells.columns("主机 a") == 6
    assert cells.cut("主机 a", 3) == "主"
    assert cells.wrapped("先停 worker，最后停 head。", 12) == ["先停", "worker，最后", "停 head。"]
    assert cells.wrapped("a longer-word-than-fits", 8) == ["a", "longer-word-than-fits"]
