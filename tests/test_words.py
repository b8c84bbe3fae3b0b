"""Plain technical English in everything that a person reads: code, messages, the README, the manual, the examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
UNUSUAL = {
    r"anew": "again",
    r"mend(s|ed|ing)?": "repair",
    r"shall": "should, must",
    r"as wanted": "up to date",
    r"may go": "is not needed",
    r"of (Ray|conda|Docker|pip|uv|Fabric|Windows|Apple|launchd|systemd)'s(?! \w)": "Ray's ...",
    r"has to be there|have to be there": "is required",
    r"all the same": "anyway",
    r"without a word": "silently",
    r"(?<!on their )way out": "fix",
    r"makes? itself": "creates",
    r"to its end|comes? to an end": "finishes",
    r"that is said|is said with": "is reported",
    r"breaks? off": "is interrupted",
    r"beside what": "compared with",
    r"stands? flat": "is written directly",
    r"be had": "be downloaded, be installed",
    r"to (its|their) own end": "is interrupted, runs to completion",
    r"(what )?stands? in (the|its|their) way": "the problem, prevents",
    r"is asked of|are asked of": "is read from",
}
DIALECT = re.compile("|".join(rf"\b(?:{words})(?!\w)" for words in UNUSUAL))


def texts() -> list[Path]:
    code = [path for suffix in ("py", "sh", "ps1") for path in TOP.glob(f"tasks/**/*.{suffix}")]
    others = [
        TOP / name
        for name in ("README.md", "CONTRIBUTING.md", "hosts.yml", "fab", "fabfile.py", "pyproject.toml")
    ]
    pages = [path for path in TOP.glob("docs/**/*.md") if not path.name.endswith(".zh.md")]
    return [*code, *others, *pages, *TOP.glob("examples/*.yml"), *TOP.glob("bench/*.py")]


def unusual_in(text: str) -> list[str]:
    return [f"{number}: {found.group()}" for number, line in enumerate(text.splitlines(), 1)
            for found in DIALECT.finditer(line)]  # fmt: skip


@pytest.mark.parametrize("path", texts(), ids=lambda path: str(path.relative_to(TOP)))
def test_plain_english_is_used(path):
    found = unusual_in(path.read_text("utf-8"))
    assert not found, f"{path.relative_to(TOP)}: {found}"


@pytest.mark.parametrize(
    "sentence", ["a cluster that is as wanted", "ports of Ray's", "makes it anew", "may go"]
)
def test_the_dialect_is_recognised(sentence):
    assert unusual_in(sentence)


@pytest.mark.parametrize("sentence", ["Ray's ports", "the command", "amend the file", "may good names win"])
def test_plain_english_is_accepted(sentence):
    assert not unusual_in(sentence)
