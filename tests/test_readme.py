"""READMEs and manual hold what the tool really does, and say the same in both languages.

To renew the generated parts: RENEW_README=1 python -m pytest tests/test_readme.py
A run that renews always fails; run again without it.
"""

from __future__ import annotations

import ast
import os
import posixpath
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from fabric.main import program
from invoke.parser import ParseError, ParserContext

from fabfile import ns
from tasks.commandline import reference as commands_reference
from tasks.commandline.words import WordsParser
from tasks.inventory import load
from tasks.inventory import reference as keys_reference
from tasks.inventory.ray_versions import NEWEST_FOR_PYTHON
from tasks.language import catalogue
from tests.namespace import CONTEXTS

TOP = Path(__file__).parents[1]
DOCS = TOP / "docs"
ABOUT = DOCS / "README.md"  # for those who write pages; not one itself
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PART = re.compile(r"^<!-- generated:(\w+) -->\n(.*?)^<!-- end of \1 -->$", re.MULTILINE | re.DOTALL)
TASKS = CONTEXTS


def twin(path: Path) -> Path:
    """The Chinese page of an English one."""
    return path.with_name(f"{path.stem}{'.zh-CN' if path.parent == TOP else '.zh'}.md")


def is_chinese(path: Path) -> bool:
    return path.name.endswith((".zh.md", ".zh-CN.md"))


PAGES = sorted(p for p in DOCS.rglob("*.md") if p != ABOUT)
ENGLISH = [TOP / "README.md", *(p for p in PAGES if not is_chinese(p))]
CHINESE = [TOP / "README.zh-CN.md", *(p for p in PAGES if is_chinese(p))]


def name(path: Path) -> str:
    return path.relative_to(TOP).as_posix()


EACH = pytest.mark.parametrize("path", [*ENGLISH, *CHINESE], ids=name)
PAIRS = pytest.mark.parametrize("path", ENGLISH, ids=name)
LANGUAGES = pytest.mark.parametrize("paths", [ENGLISH, CHINESE], ids=["English", "Chinese"])


def read(path: Path) -> str:
    return path.read_text("utf-8")


def blocks(path: Path, *languages: str) -> list[str]:
    return [text for language, text in BLOCK.findall(read(path)) if language in languages]


def prose(path: Path) -> str:
    """The text without its blocks and without what is generated, which has a test of its own."""
    return BLOCK.sub("", PART.sub("", read(path)))


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


class TestCommands:
    @EACH
    def test_fab_takes_each_of_them(self, path):
        wrong = []
        for words in commands(path):
            initial = ParserContext(args=program.core_args())
            parser = WordsParser(ns, contexts=ns.to_contexts(), initial=initial)
            try:
                parser.parse_argv(words)
            except ParseError as error:
                wrong.append(f"{shlex.join(words)}: {error}")
        assert wrong == []

    @LANGUAGES
    def test_each_task_is_named(self, paths):
        assert set(TASKS) - {words[0] for path in paths for words in commands(path)} == set()

    @LANGUAGES
    def test_flags_in_the_prose_are_there(self, paths):
        known = {flag for context in TASKS.values() for flag in context.flags}
        known |= {f"--{name}" for argument in program.core_args() for name in argument.names}
        said = {s.split()[0] for path in paths for s in spans(path) if s.startswith("--") and s != "--"}
        assert said, "this test has lost what it looks at"
        assert said - known == set()


class TestHostsFiles:
    @EACH
    def test_each_example_loads_silently(self, path, tmp_path):
        for text in blocks(path, "yaml"):
            file = tmp_path / "hosts.yml"
            file.write_text(text, "utf-8")
            assert load(file).warnings == (), text

    @LANGUAGES
    def test_there_are_examples(self, paths):
        assert sum(len(blocks(path, "yaml")) for path in paths) > 15


def generated(said: Callable[[str], str]) -> dict[str, str]:
    """The text of each generated part by its name."""
    tasks = {task: ns[task] for task in ns.task_names}
    schemas = {name(path): read(path) for path in TOP.glob("schemas/*.json")}
    return {
        "keys": keys_reference.render(),
        "commands": commands_reference.render(tasks, CONTEXTS, said),
        "json": commands_reference.for_programs(tasks, CONTEXTS, schemas, said),
    }


@pytest.mark.parametrize(
    ("paths", "said"), [(ENGLISH, str), (CHINESE, catalogue.load().translate)], ids=["English", "Chinese"]
)
def test_generated_parts_are_renewed(paths, said):
    texts, found, old = generated(said), [], []
    for path in paths:
        text = read(path)
        found += [part for part, _ in PART.findall(text)]
        wanted = PART.sub(lambda m: f"<!-- generated:{m[1]} -->\n{texts[m[1]]}<!-- end of {m[1]} -->", text)
        if text != wanted:
            old.append(name(path))
            if os.environ.get("RENEW_README"):
                path.write_text(wanted, "utf-8")
    assert old == [], (
        "RENEW_README=1 python -m pytest tests/test_readme.py renews them; then run again without"
    )
    assert sorted(found) == sorted(texts)


def messages(path: Path) -> list[str]:
    """The first cells of the tables about what can fail."""
    return (
        re.findall(r"^\| `([^`]+)` \|", read(path), re.MULTILINE)
        if path.parent.name == "troubleshooting"
        else []
    )


def anchor(title: str) -> str:
    """As a code host and MkDocs make it out of a heading."""
    return re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")


class TestFacts:
    @LANGUAGES
    def test_each_message_is_one_of_the_tools(self, paths):
        files = [
            TOP / "fab",
            *TOP.glob("tasks/**/*.py"),
            *TOP.glob("tasks/**/*.sh"),
            *TOP.glob("tasks/**/*.ps1"),
        ]
        source = "\n".join(read(file) for file in files)
        said = [message for path in paths for message in messages(path)]
        parts = {message: [p for p in message.split("…") if p.strip()] for message in said}
        assert len(parts) > 100
        assert [m for m, literal in parts.items() if not all(p in source for p in literal)] == []

    @pytest.mark.parametrize("page", ["versions.md", "versions.zh.md"])
    def test_newest_ray_of_each_python(self, page):
        for (major, minor), ray in NEWEST_FOR_PYTHON.items():
            assert f"\n| {major}.{minor} | {ray} |" in read(DOCS / "reference" / page)

    @EACH
    def test_each_link_leads_somewhere(self, path):
        def is_good(target):
            file, _, fragment = target.partition("#")
            there = Path(posixpath.normpath((path.parent / file).as_posix())) if file else path
            if not there.exists():
                return False
            if fragment and fragment not in {anchor(title) for _, title in headings(there)}:
                return False
            is_page = there.is_relative_to(DOCS) and there != ABOUT and there.suffix == ".md"
            return not is_page or is_chinese(there) == is_chinese(path)

        targets = [t for t in re.findall(r"\]\(([^)]+)\)", prose(path)) if not t.startswith("https://")]
        assert [target for target in targets if not is_good(target)] == []


@pytest.mark.parametrize("page", ["design/comparison.md", "operations/scale.md"])
def test_figures_are_measured(page):
    measured = read(TOP / "bench" / "README.md")
    figures = re.findall(r"\b\d+\.\d\d\b(?!\.)", prose(DOCS / page))
    assert figures and [figure for figure in figures if figure not in measured] == []


class TestReadme:
    @pytest.mark.parametrize("path", [ENGLISH[0], CHINESE[0]], ids=name)
    def test_can_be_read_at_one_sitting(self, path):
        assert len(read(path).splitlines()) <= 180


def test_each_page_has_its_twin():
    assert {twin(path) for path in ENGLISH} == set(CHINESE)


@PAIRS
class TestInStep:
    def test_both_begin_with_a_title_and_have_the_same_levels_of_headings(self, path):
        levels = [level for level, _ in headings(path)]
        assert levels[0] == "#" and levels.count("#") == 1
        assert levels == [level for level, _ in headings(twin(path))]

    def test_blocks_come_in_the_same_order(self, path):
        kinds = [[language for language, _ in BLOCK.findall(read(one))] for one in (path, twin(path))]
        assert kinds[0] == kinds[1]

    def test_commands_are_the_same_but_for_their_comments(self, path):
        def words(path):
            return [shlex.split(line, comments=True) for b in blocks(path, "sh") for line in b.splitlines()]

        assert words(path) == words(twin(path))

    def test_transcripts_are_the_same(self, path):
        assert blocks(path, "text", "json") == blocks(twin(path), "text", "json")

    def test_tasks_are_the_same_but_for_their_help(self, path):
        def tasks(path):
            out = []
            for text in blocks(path, "python"):
                compile(text, name(path), "exec")
                tree = ast.parse(text)
                for node in tree.body:
                    if isinstance(node, ast.FunctionDef) and ast.get_docstring(node):
                        del node.body[0]
                out.append(ast.unparse(tree))
            return out

        assert tasks(path) == tasks(twin(path))

    def test_hosts_files_mean_the_same(self, path, tmp_path):
        file = tmp_path / "hosts.yml"

        def loaded(text):
            file.write_text(text, "utf-8")
            return load(file)

        english, chinese = ([loaded(text) for text in blocks(one, "yaml")] for one in (path, twin(path)))
        assert english == chinese

    def test_tables_have_the_same_rows(self, path):
        def rows(path):
            return [line.count(" | ") for line in prose(path).splitlines() if line.startswith("|")]

        assert rows(path) == rows(twin(path))

    def test_messages_come_in_the_same_order(self, path):
        assert messages(path) == messages(twin(path))


@pytest.mark.parametrize("page", ["own-tasks.md", "own-tasks.zh.md"])
def test_the_example_of_own_tasks_runs(page):
    module: dict = {}
    for text in blocks(DOCS / "guides" / page, "python"):
        exec(text, module)
    assert {"load", "gpus"} <= module.keys()
