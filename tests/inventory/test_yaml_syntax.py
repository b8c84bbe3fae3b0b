"""YAML's syntax: what is read, where each value stands, and on which machines."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yaml import ScalarNode

from tasks.inventory.document import parse
from tasks.inventory.nodes import compose

TOP = Path(__file__).parents[2]
FILES = [TOP / "hosts.yml", *sorted(TOP.glob("examples/*.yml"))]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("host: a\t# tabs before a comment", {"host": "a"}),
        ("host:\ta\t\n", {"host": "a"}),
        ("a: 1\n\t\n \t \nb: 2\n\t# a comment\nc: 3\n", {"a": 1, "b": 2, "c": 3}),
        ('{\n\t"a":\t1,\n\t"b": [\t2\t]\n}', {"a": 1, "b": [2]}),
        ('text: "a\tb"', {"text": "a\tb"}),
        ("[::1, fe80::1, a:b]", ["::1", "fe80::1", "a:b"]),
        ("{a: ::1, b: ::ffff:10.0.0.1}", {"a": "::1", "b": "::ffff:10.0.0.1"}),
        ('{"a":1,"b":[2]}', {"a": 1, "b": [2]}),
        ("a: 1\r\nb: |\r\n  x\r\n  y\r\n", {"a": 1, "b": "x\ny\n"}),
        ("a: 1\rb: 2\r", {"a": 1, "b": 2}),
        ("--- # one document\na: 1\n...\n", {"a": 1}),
        ("? a\n: 1\n", {"a": 1}),
        ("1: a\ntrue: b\n", {"1": "a", "true": "b"}),
        ("a: &x {k: 1, l: 1}\nb: {<<: *x, l: 2}\n", {"a": {"k": 1, "l": 1}, "b": {"k": 1, "l": 2}}),
        ("a: &x {k: 1}\nb: &y {k: 2}\nc: {<<: [*x, *y]}\n", {"a": {"k": 1}, "b": {"k": 2}, "c": {"k": 1}}),
        ("'<<': 1\n", {"<<": 1}),
        (r'"\ud83d\ude00 \/"', "😀 /"),
    ],
)
def test_valid_yaml_is_read_without_flaws(text, value):
    read = parse(text)
    assert (read.value, read.flaws) == (value, [])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)


@given(json_values, st.sampled_from([None, 2, "\t"]))
def test_json_is_yaml(value, indent):
    read = parse(json.dumps(value, indent=indent))
    assert (read.value, read.flaws) == (value, [])


class TestPlaces:
    """Editing cuts the text where the marks are."""

    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
    @pytest.mark.parametrize("change", [str, lambda text: text.replace("\n", "\r\n")], ids=["lf", "crlf"])
    def test_each_scalar_is_between_its_marks(self, path, change):
        text = change(path.read_text("utf-8"))
        scalars = list(scalars_in(compose(text)))
        assert len(scalars) > 5
        for node in scalars:
            start, end = node.start_mark, node.end_mark
            assert compose(text[start.index : end.index] or "''").value == node.value
            assert start.line == text.count("\n", 0, start.index)
            assert start.column == start.index - (text.rfind("\n", 0, start.index) + 1)

    def test_a_character_beyond_16_bits_counts_as_one(self):
        (item,) = scalars_in(compose("[ 'x😀' ]"))
        assert (item.start_mark.index, item.end_mark.index) == (2, 6)

    def test_lines_and_text_as_typed(self):
        read = parse("a:\n  - 1.10\n\n  # comment\n  - {b: 0x10}\n")
        assert (read.line(("a", 0)), read.line(("a", 1, "b")), read.line(("a", 1, "c", "d"))) == (2, 5, 5)
        assert (read.typed(("a", 0)), read.typed(("a", 1, "b")), read.typed(("a", 1))) == (
            "1.10",
            "0x10",
            None,
        )


def scalars_in(node):
    if isinstance(node, ScalarNode):
        yield node
        return
    for child in node.value:
        for inner in child if isinstance(child, tuple) else (child,):
            yield from scalars_in(inner)


def test_a_platform_without_libyaml_reads_the_same():
    """PyYAML has no wheel with the C library for some platforms; there `_yaml` cannot be imported."""
    code = """if True:
        import sys
        if sys.argv[1] == "without":
            sys.modules.update({"_yaml": None, "yaml._yaml": None})
        import yaml
        from tasks.inventory import InventoryError, load
        assert sys.argv[1] == "as installed" or not yaml.__with_libyaml__
        for path in sys.argv[2:]:
            try:
                print(load(path).model_dump_json())
            except InventoryError as error:
                print(error)
    """
    cases = Path(__file__).with_name("cases")
    files = [*FILES, cases / "open-list.yml", cases / "tab.yml", cases / "passwords.yml"]
    without, as_installed = (
        subprocess.run(
            [sys.executable, "-c", code, parser, *map(str, files)],
            cwd=TOP,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for parser in ("without", "as installed")
    )
    assert without == as_installed and len(as_installed.splitlines()) > len(files)
