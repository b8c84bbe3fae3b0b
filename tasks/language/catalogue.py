"""A catalogue of messages with placeholders, in gettext's PO format, and the search for the message that a text is.

The file is read as it is: compiled catalogues are binary files that no merge can put together.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PLACE = re.compile(r"\{(\d+)\}")
_ENTRY = re.compile(r'^msgid (".*")\nmsgstr (".*")$', re.MULTILINE)
_WORD = re.compile(r"[A-Za-z]{2,}")
_WHOLE = re.compile(r"(?<![A-Za-z\0])[A-Za-z]{2,}(?![A-Za-z\0])")
_NUMBER = re.compile(r"[~<>+-]?\d[\d.,:/%]*(?: ?[kKMGT]?i?B| ?s)?|")
# What joins several messages into one text, with what joins them in Chinese. The first that is found counts.
_JOINTS = (("\n", "\n"), ("  ", "  "), ("; ", "；"), (": ", ": "), (", ", "，"))
# what stands around a message that continues a text
_AROUND = re.compile(r"([\s✓✗→!;,:.(\[–-]*)(.*?)([\s):;,.\]]*)", re.DOTALL)
_LEADS = {"; ": "；", ", ": "，", " (": "（", ": ": "："}
LONGEST = 2000  # characters; a longer text is none of ours


@dataclass(frozen=True)
class Template:
    """A message with placeholders ``{0}``, ``{1}``…

    :param strong: it has two words of its own or more, so that no other text looks like it by accident.
    """

    text: str
    translation: str

    @functools.cached_property
    def words(self) -> list[str]:
        """Its own words; what a value may lengthen is none."""
        return _WHOLE.findall(PLACE.sub("\0", self.text))

    @functools.cached_property
    def strong(self) -> bool:
        return len(self.words) > 1

    @functools.cached_property
    def weight(self) -> int:
        """How many characters are its own: the template with most of them describes a text best."""
        return len(PLACE.sub("", self.text))

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        parts = PLACE.split(self.text)
        # in "hosts: names" nothing is counted, so it is no "{0} names"
        counted = parts[0] == "" and parts[2:] and parts[2].startswith(" ")
        holes = {1: r"(.*?[^\s:;,])"} if counted else {}
        return re.compile(
            "".join(holes.get(at, "(.*?)") if at % 2 else re.escape(part) for at, part in enumerate(parts)),
            re.DOTALL,
        )

    def filled(self, values: Mapping[str, str]) -> str:
        return PLACE.sub(lambda found: values[found.group(1)], self.translation)


class Catalogue:
    """Finds the translation of a text. :meth:`translate` may be called from any thread."""

    def __init__(self, messages: Mapping[str, str]) -> None:
        """:param messages: translations by English text, both with the same placeholders."""
        self._exact = {text: to for text, to in messages.items() if not PLACE.search(text)}
        self._by_word: dict[str, list[Template]] = {}
        for text, to in messages.items():
            if PLACE.search(text):
                one = Template(text, to)
                self._by_word.setdefault(max(one.words, key=len, default=""), []).append(one)
        self._cached = functools.lru_cache(4096)(self._translate)

    def translate(self, text: str, own: bool = True) -> str:
        """The translation; what is not in the catalogue stays as it is.

        :param own: False for a text that may be a host's: see :func:`tasks.language.said`.
        """
        return self._cached(text, own) if 1 < len(text) <= LONGEST else text

    def _translate(self, text: str, own: bool) -> str:
        found = self._known(text, own)
        if found is not None:
            return found
        lead, core, end = _AROUND.fullmatch(text).groups()
        if (lead or end) and core and (found := self._known(core, own)) is not None:
            end = "）" if (lead, end) == (" (", ")") else "：" if end == ":" and not found.isascii() else end
            return _LEADS.get(lead, lead) + found + end
        return self._joined(text, own)

    def _known(self, text: str, own: bool) -> str | None:
        """The translation of a text that is one message."""
        exact = self._exact.get(text)
        if exact is not None and (own or " " in text):
            return exact
        for template in self._candidates(text):
            found = template.pattern.fullmatch(text)
            if not found:
                continue
            numbers = dict(zip(PLACE.findall(template.text), found.groups(), strict=True))
            if own or template.strong or all(map(_NUMBER.fullmatch, numbers.values())):
                return template.filled({at: self._value(value) for at, value in numbers.items()})
        return None

    def _value(self, value: str) -> str:
        return self._cached(value, False) if len(value) > 1 else value

    def _candidates(self, text: str) -> Iterator[Template]:
        words = {"", *_WORD.findall(text)}
        found = [one for word in words for one in self._by_word.get(word, ())]
        yield from sorted(found, key=lambda one: -one.weight)

    def _joined(self, text: str, own: bool) -> str:
        """A text of several messages: ``name: message, message``. Before a colon stands mostly a name."""
        for joint, chinese in _JOINTS:
            first, found, rest = text.partition(joint)
            if not found:
                continue
            parts = [self._cached(part, own and joint != ": ") for part in (first, rest)]
            known = [
                part != before or bool(_NUMBER.fullmatch(before))
                for part, before in zip(parts, (first, rest), strict=True)
            ]
            if parts != [first, rest]:
                return (chinese if all(known) else joint).join(parts)
        return text


def read(path: Path) -> dict[str, str]:
    """Every message of a PO file with its translation, which is empty where there is none yet."""
    found = _ENTRY.findall(path.read_text("utf-8"))
    return {json.loads(text): json.loads(to) for text, to in found if text != '""'}


CHINESE = Path(__file__).parent / "locale" / "zh_CN" / "LC_MESSAGES" / "rayfab.po"


def load(path: Path = CHINESE) -> Catalogue:
    """The catalogue of a file."""
    return Catalogue({text: to for text, to in read(path).items() if to})
