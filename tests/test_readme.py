"""Both READMEs hold what the tool really does, and say the same.

To renew the reference tables in them: RENEW_README=1 python -m pytest tests/test_readme.py
A run that renews always fails; run again without it.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
from pathlib import Path

import pytest
from fabric.main import program
from invoke.parser import ParseError, Parser, ParserContext

from fabfile import ns
from tasks.inventory import load, reference
from tasks.inventory.ray_versions import NEWEST_FOR_PYTHON
from tests.namespace import CONTEXTS

TOP = Path(__file__).parents[1]
ENGLISH, CHINESE = TOP / "README.md", TOP / "README.zh-CN.md"
BOTH = pytest.mark.parametrize("path", [ENGLISH, CHINESE], ids=lambda path: path.name)
BEGIN, END = "<!-- reference:begin -->\n", "<!-- reference:end -->\n"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TASKS = CONTEXTS


def read(path: Path) -> str:
    return path.read_text("utf-8")


def blocks(path: Path, *languages: str) -> list[str]:
    return [text for language, text in BLOCK.findall(read(path)) if language in languages]


def prose(path: Path) -> str:
    """The text without its blocks and without the reference, which has a test of its own."""
    text = read(path)
    return BLOCK.sub("", text[: text.index(BEGIN)] + text[text.index(END) :])


def spans(path: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(path))


def headings(path: Path) -> list[tuple[str, str]]:
    return re.findall(r"^(#+) (.+)$", BLOCK.sub("", read(path)), re.MULTILINE)


def commands(path: Path) -> list[list[str]]:
    """Every `fab ...` of the text, as words: in shell blocks, in transcripts and in the prose."""
    lines = [line for block in blocks(path, "sh") for line in block.splitlines()]
    # in a transcript two blanks part a command from what is said about it
    lines += re.findall(r"^(?:\$ |  )(\./fab .*?)(?:  |$)", "\n".join(blocks(path, "text")), re.MULTILINE)
    lines += spans(path)
    out = []
    for line in lines:
        found = re.match(r"(?:[A-Z_]+=\S+ )*(?:\./)?fab (.+)", line)
        if found:
            words = shlex.split(found.group(1), comments=True)
            out.append(words[: words.index("|")] if "|" in words else words)
    return out


@BOTH
class TestCommands:
    def test_fab_takes_each_of_them(self, path):
        wrong = []
        for words in commands(path):
            parser = Parser(ns.to_contexts(), initial=ParserContext(args=program.core_args()))
            try:
                parser.parse_argv(words)
            except ParseError as error:
                wrong.append(f"{shlex.join(words)}: {error}")
        assert wrong == []

    def test_each_task_is_named(self, path):
        assert set(TASKS) - {words[0] for words in commands(path)} == set()

    def test_flags_in_the_prose_are_there(self, path):
        known = {flag for context in TASKS.values() for flag in context.flags}
        known |= {f"--{name}" for argument in program.core_args() for name in argument.names}
        said = {span.split()[0] for span in spans(path) if span.startswith("--") and span != "--"}
        assert said, "this test has lost what it looks at"
        assert said - known == set()


@BOTH
class TestHostsFiles:
    def test_each_example_loads_without_a_word(self, path, tmp_path):
        assert len(blocks(path, "yaml")) > 5
        for text in blocks(path, "yaml"):
            file = tmp_path / "hosts.yml"
            file.write_text(text, "utf-8")
            assert load(file).warnings == (), text

    def test_the_reference_is_the_models(self, path):
        text = read(path)
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        wanted = f"{before}{BEGIN}{reference.render()}{END}{after}"
        if os.environ.get("RENEW_README"):
            path.write_text(wanted, "utf-8")
            pytest.fail(f"{path.name}: renewed; run again without RENEW_README")
        assert text == wanted, "RENEW_README=1 python -m pytest tests/test_readme.py"


def messages(path: Path) -> list[str]:
    """The first cells of the tables about what can fail."""
    parts = re.split(r"^## ", BLOCK.sub("", read(path)), flags=re.MULTILINE)
    (part,) = [p for p in parts if p.startswith(("Troubleshooting", "故障排查"))]
    return re.findall(r"^\| `([^`]+)` \|", part, re.MULTILINE)


def anchor(title: str) -> str:
    """As GitHub makes it out of a heading."""
    return re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")


@BOTH
class TestFacts:
    def test_each_message_is_one_of_the_tools(self, path):
        files = [
            TOP / "fab",
            *TOP.glob("tasks/**/*.py"),
            *TOP.glob("tasks/**/*.sh"),
            *TOP.glob("tasks/**/*.ps1"),
        ]
        source = "\n".join(read(file) for file in files)
        parts = {message: [p for p in message.split("…") if p.strip()] for message in messages(path)}
        assert len(parts) > 30
        assert [m for m, literal in parts.items() if not all(p in source for p in literal)] == []

    def test_newest_ray_of_each_python(self, path):
        for (major, minor), ray in NEWEST_FOR_PYTHON.items():
            assert f"\n| {major}.{minor} | {ray} |" in read(path)

    def test_each_link_leads_somewhere(self, path):
        anchors = {anchor(title) for _, title in headings(path)}
        for target in re.findall(r"\]\(([^)]+)\)", prose(path)):
            if target.startswith("#"):
                assert target[1:] in anchors, target
            elif not target.startswith("https://"):
                assert (TOP / target).exists(), target


class TestInStep:
    def test_headings(self):
        assert [level for level, _ in headings(ENGLISH)] == [level for level, _ in headings(CHINESE)]

    def test_blocks_come_in_the_same_order(self):
        kinds = [[language for language, _ in BLOCK.findall(read(path))] for path in (ENGLISH, CHINESE)]
        assert kinds[0] == kinds[1]

    def test_commands_are_the_same_but_for_their_comments(self):
        def words(path):
            return [shlex.split(line, comments=True) for b in blocks(path, "sh") for line in b.splitlines()]

        assert words(ENGLISH) == words(CHINESE)

    def test_transcripts_are_the_same(self):
        assert blocks(ENGLISH, "text", "json") == blocks(CHINESE, "text", "json")

    def test_tasks_are_the_same_but_for_their_help(self):
        def tasks(path):
            (text,) = blocks(path, "python")
            module: dict = {}
            exec(text, module)
            assert {"load", "gpus"} <= module.keys()
            tree = ast.parse(text)
            for node in tree.body:
                if isinstance(node, ast.FunctionDef):
                    assert ast.get_docstring(node)
                    del node.body[0]
            return ast.unparse(tree)

        assert tasks(ENGLISH) == tasks(CHINESE)

    def test_hosts_files_mean_the_same(self, tmp_path):
        file = tmp_path / "hosts.yml"

        def loaded(text):
            file.write_text(text, "utf-8")
            return load(file)

        english, chinese = ([loaded(text) for text in blocks(path, "yaml")] for path in (ENGLISH, CHINESE))
        assert english == chinese

    def test_tables_have_the_same_rows(self):
        def rows(path):
            return [line.count(" | ") for line in prose(path).splitlines() if line.startswith("|")]

        assert rows(ENGLISH) == rows(CHINESE)

    def test_messages_come_in_the_same_order(self):
        assert messages(ENGLISH) == messages(CHINESE)
