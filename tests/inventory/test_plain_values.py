"""What values without quotes are: the core schema of YAML 1.2, and nothing that only YAML 1.1 knows."""

import math

import pytest

from tasks.inventory import InventoryError, reference
from tasks.inventory.document import parse

CORE_SCHEMA = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    "null": None,
    "Null": None,
    "NULL": None,
    "~": None,
    "": None,
    "0": 0,
    "-0": 0,
    "+12": 12,
    "-12": -12,
    "017": 17,
    "0o17": 15,
    "0x1F": 31,
    "0xff": 255,
    "1.": 1.0,
    ".5": 0.5,
    "-1.5": -1.5,
    "1e3": 1000.0,
    "1E+3": 1000.0,
    "12e-1": 1.2,
    ".inf": math.inf,
    "+.Inf": math.inf,
    "-.INF": -math.inf,
}
TEXT = (
    # booleans and nulls of YAML 1.1, or in a case that YAML does not know
    *("yes", "Yes", "YES", "no", "No", "on", "On", "ON", "off", "Off", "y", "Y", "n", "N"),
    *("tRUE", "nUll", "None", "nil"),
    # numbers of YAML 1.1: separators, base 60, base 2, octal and hexadecimal with a sign
    *("1_000", "1_0.5", "12:30:45", "12:30", "190:20:30.15", "0b11", "-0x1F", "+0o17"),
    # almost numbers
    *("0o8", "0xG", "0X1F", "0O17", "1e", "e3", "1.2.3", ".", "+", "-.", ".iNf", "+.nan", "٣", "1 000"),
    # dates of YAML 1.1
    *("2020-01-31", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43"),
    # YAML 1.1's merge and default keys, where they are values
    *("<<", "="),
)


@pytest.mark.parametrize(("written", "value"), CORE_SCHEMA.items())
def test_null_booleans_and_numbers(written, value):
    read = parse(f"- {written}\n").value
    assert read == [value] and type(read[0]) is type(value)


def test_nan_is_read_as_a_number():
    assert all(math.isnan(number) for number in parse("[.nan, .NaN, .NAN]").value)


@pytest.mark.parametrize("written", TEXT)
def test_everything_else_is_text(written):
    assert parse(f"- {written}\n").value == [written] == parse(f"[{written}]").value


@pytest.mark.parametrize("written", [*CORE_SCHEMA, *TEXT])
def test_quoted_values_are_text(written):
    assert parse(f'["{written}", \'{written}\', !!str "{written}"]').value == [written] * 3


def test_a_version_directive_changes_nothing():
    """Anchors and numbers of YAML 1.1 are what `%YAML 1.1` asks for; a hosts file always means the same."""
    assert parse("%YAML 1.1\n---\n[yes, 1_000, 017]\n").value == ["yes", "1_000", 17]


@pytest.mark.parametrize(
    ("written", "value"),
    [("!!int '5'", 5), ("!!float 5", 5.0), ("!!bool 'true'", True), ("!!null ''", None)],
)
def test_tags_of_the_core_schema(written, value):
    assert parse(f"- {written}\n").value == [value]


@pytest.mark.parametrize("written", ["9" * 5000, "0x" + "9" * 5000, "0o" + "7" * 5000])
def test_more_digits_than_python_prints(cluster, written):
    assert parse(written).value == written
    with pytest.raises(InventoryError, match=r"cluster: expected a name .*, got [0-9xo]+\.\.\.$"):
        cluster(f"cluster: {written}\nhead: a\n")


class TestInAHostsFile:
    def test_words_that_mean_true_and_false_to_people(self, cluster):
        for word, value in (("yes", True), ("ON", True), ("no", False), ("Off", False), ("true", True)):
            assert cluster(f"head: a\nconda: {{accept_terms: {word}}}\n").head.conda.accept_terms is value

    def test_they_are_text_where_text_is_expected(self, cluster):
        head = cluster("head: {host: on, labels: {up: yes, born: 2020-01-31, at: y}}\n").head
        assert (head.host, head.labels) == ("on", {"up": "yes", "born": "2020-01-31", "at": "y"})

    def test_octal_and_hexadecimal_numbers_are_numbers(self, cluster):
        head = cluster(
            "ssh: {port: 0x16, connect_timeout: 3e1}\nhead: {host: a, cpus: 0o17, gpus: 010}\n"
        ).head
        assert (head.port, head.connect_timeout, head.cpus, head.gpus) == (22, 30.0, 15, 10)

    @pytest.mark.parametrize(
        ("written", "message"),
        [
            ("1_000", "got the text 1_000; write 1000"),
            ("'22'", "got the text 22; leave the quotes out"),
            ("1e3", "got 1e3; write 1000"),
            ("22.0", "got 22.0; write 22"),
            ("22.5", "got 22.5"),
            ("12:30", "got the text 12:30"),
            ("0b11", "got the text 0b11"),
            ("yes", "got the text yes"),
            (".inf", "got .inf"),
            ("-0x16", "got the text -0x16"),
        ],
    )
    def test_what_is_not_an_integer_is_named_as_it_is_written(self, cluster, written, message):
        with pytest.raises(InventoryError) as caught:
            cluster(f"ssh:\n  port: {written}\nhead: a\n")
        assert str(caught.value).endswith(f"hosts.yml:2: ssh.port: expected 1-65535, {message}")


def test_the_reference_shows_every_kind():
    text = reference.render().partition("**Values without quotes**")[2]
    assert "`017` (17), `0o17` (15), `0x1F` (31) | an integer |" in text
    assert "| `1.5`, `.5`, `1e3` (1000), `.inf`, `-.inf`, `.nan` | a number |" in text
    assert "`1_000`, `0b11`, `12:30:45`, `2020-01-31`, `1.2.3` | text, as is everything else |" in text
    assert set(reference.PLAIN) <= {*CORE_SCHEMA, *TEXT, "8", "-8", "+8", "1.5", "-.inf", ".nan"}
