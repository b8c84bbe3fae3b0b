"""Counts in messages: one of a thing and several of it are told apart, in both languages."""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path

import pytest

from tasks.language.catalogue import load
from tasks.text.wording import counted

TASKS = Path(__file__).parents[2] / "tasks"
# those whose plural is no verb as well
THINGS = "byte|check|combination|day|direction|entry|error|fault|file|folder|group|host|image|item|job|key|layer|line"
THINGS += (
    "|lock|machine|mistake|node|object|package|pair|part|piece|problem|round|second|session|task|time|version"
)
THINGS += "|warning|worker"
# a number and a plural that are written as one text; before them may stand one word more, and "of"
GLUED = re.compile(rf" (of )?((?!has|from|the)[a-z]+ )?({THINGS})s\b")
# a step that tasks/report/progress.py reads, which needs the same unit each time
STEPS = {"nodes have run a task", "rounds"}
# these are never one: bytes of a size, files of a limit, and how often something was asked before it counts
MANY = {
    *(
        "{len(content)} bytes",
        "{most} bytes",
        "{longest} bytes",
        "{freed} bytes",
        "{size} bytes",
        "{load.size} bytes",
    ),
    *("{places.files} files", "{count} times", "{killed} times", "{life.watched.faults} faults"),
    *("{self.total} hosts", "{count} packages"),
}


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 files"), (1, "1 file"), (2, "2 files"), ("no", "no files"), (1.5, "1.5 files")],
)
def test_one_and_several(number, text):
    assert counted(number, "file") == text


def glued(path: Path) -> list[str]:
    """Each number of a text that is followed by a plural which does not depend on it."""
    found = []
    for text in ast.walk(ast.parse(path.read_text("utf-8"))):
        parts = text.values if isinstance(text, ast.JoinedStr) else []
        for hole, rest in itertools.pairwise(parts):
            if not isinstance(hole, ast.FormattedValue) or not isinstance(rest, ast.Constant):
                continue
            match, value = GLUED.match(rest.value), ast.unparse(hole.value)
            # a constant is known to be more than one
            if match and not value.rpartition(".")[2].isupper():
                found += (
                    [] if any(rest.value[1:].startswith(one) for one in STEPS) else [f"{{{value}}}{match[0]}"]
                )
    return found


def test_no_text_glues_a_plural_to_a_number():
    found = {one: path.name for path in sorted(TASKS.rglob("*.py")) for one in glued(path)}
    assert {one: name for one, name in found.items() if one not in MANY} == {}
    assert set(found) == MANY


def test_the_search_finds_one(tmp_path):
    path = tmp_path / "a.py"
    path.write_text('f"{len(a)} files, {b} of {c} new hosts, {MOST} lines, {d} fits"')
    assert glued(path) == ["{len(a)} files", "{c} new hosts"]


def test_a_plural_without_a_number_is_no_count():
    same = ("only these hosts: names", "these: files", "these: hosts", " tasks")
    assert [load().translate(text) for text in same] == list(same)


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("1 file", "1 个文件"),
        ("2 files", "2 个文件"),
        ("one: 1 file, 0.3 MB, 1 other change", "one: 1 个文件，0.3 MB，1 处其他改动"),
        ("2 failed, 1 warning on 3 hosts", "3 台主机上有 2 项失败、1 项警告"),
        ("removed 1 host and 2 images", "已删除 1 台主机和 2 个镜像"),
        ("out.tgz: 12 files, from 1 of 2 hosts", "out.tgz：12 个文件，来自 2 台主机中的 1 台"),
        ("whole: 1 file, each with its SHA-256", "完整：1 个文件，各有 SHA-256"),
        (
            "dry run: nothing was changed; 1 of 1 host would be",
            "dry run：没有做任何改动；实际运行会改动 1 台主机中的 1 台",
        ),
        ("… 1 more line: enlarge the terminal", "…… 另外 1 行：请放大终端"),
        (
            "/root has room for only 1 more file (inodes), 15000 are needed",
            "/root 所在之处只能再放另外 1 个文件（inode），需要 15000 个",
        ),
    ],
)
def test_in_chinese_too(english, chinese):
    assert load().translate(english) == chinese
