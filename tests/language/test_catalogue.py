"""The catalogue of messages: it has every message of the sources, and finds each of them again.

To bring it up to date with the sources: RENEW_MESSAGES=1 python -m pytest tests/language
"""

from __future__ import annotations

import os
import re

import pytest

from tasks.language.catalogue import CHINESE, PLACE, Catalogue, load, read
from tests.language import messages

TRANSLATED = read(CHINESE) if CHINESE.exists() else {}
DONE = {text: to for text, to in TRANSLATED.items() if to}


def test_it_has_every_message_of_the_sources():
    wanted = messages.written(TRANSLATED)
    if os.environ.get("RENEW_MESSAGES"):
        CHINESE.write_text(wanted, "utf-8")
        pytest.fail("renewed; run again without RENEW_MESSAGES")
    missing = sorted(set(messages.every()) - set(TRANSLATED))
    assert missing == [], "RENEW_MESSAGES=1 python -m pytest tests/language"
    assert CHINESE.read_text("utf-8") == wanted, "RENEW_MESSAGES=1 python -m pytest tests/language"


def test_all_of_it_is_translated():
    assert [text for text in TRANSLATED if text not in DONE] == []


def test_both_languages_have_the_same_placeholders():
    assert [text for text, to in DONE.items() if messages.places(text) != messages.places(to)] == []


# what is typed, or is a name, stays as it is; a character between may be of either language
TYPED = re.compile(r"(?<![\w-])--[a-z][a-z-]+|\bfab [a-z][a-z-]+[a-z]|\b[a-z]+_[a-z_]+\b|\b[A-Z][A-Z_]{3,}\b")


def test_what_is_typed_is_the_same_in_both_languages():
    def typed(text: str) -> set[str]:
        return set(TYPED.findall(text))

    assert [(text, to) for text, to in DONE.items() if typed(text) != typed(to)] == []


VALUES = ("node1", "10.0.0.7", "/a/b c", "17", "2.60.0", "x-y", "8", "9", "z")


@pytest.fixture(scope="module")
def chinese():
    return load()


def filled(text: str, values: tuple[str, ...]) -> str:
    return PLACE.sub(lambda found: values[int(found.group(1))], text)


def test_no_message_is_taken_for_another(chinese):
    """Each one, filled in, is translated as itself."""
    wrong = []
    for text, to in DONE.items():
        found = chinese.translate(filled(text, VALUES))
        if found != filled(to, VALUES):
            wrong.append((text, found))
    assert wrong == []


def test_a_value_that_is_a_message_is_translated_too():
    small = Catalogue(
        {
            "{0}: retried in {1} s": "{0}：{1} 秒后重试",
            "{0} hosts": "{0} 台主机",
            "no answer yet": "还没有回答",
        }
    )
    assert small.translate("no answer yet: retried in 3 s") == "还没有回答：3 秒后重试"
    assert small.translate("12 hosts, no answer yet") == "12 台主机，还没有回答"
    assert small.translate("a; no answer yet") == "a; 还没有回答"
    assert small.translate("a (no answer yet)") == "a (no answer yet)"
    assert small.translate(" (no answer yet)") == "（还没有回答）"
    assert small.translate("no answer yet:") == "还没有回答："


def test_what_it_does_not_know_stays():
    small = Catalogue({"down": "已停止", "lost: {0}": "丢失：{0}", "{0} is not a bundle": "{0} 不是离线包"})
    assert small.translate("up") == "up"
    assert small.translate("down") == "已停止"
    # the same from a host: one word, or one word with a value, may be anybody's
    assert small.translate("down", False) == "down"
    assert small.translate("lost: 3 packets of 4", False) == "lost: 3 packets of 4"
    assert small.translate("down is not a bundle", False) == "down 不是离线包"
    assert small.translate("x" * 100_000) == "x" * 100_000
