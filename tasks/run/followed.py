"""Which lines of a host's logs were shown, so that none comes twice after the host was lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

KNOWN = 5  # lines by which the last one that was shown is found again


class Shown:
    """The last lines that were shown of each file, so that none comes twice after a loss."""

    def __init__(self) -> None:
        self._last: dict[str, deque[str]] = {}
        self._waiting: dict[str, list[str]] | None = None

    def lost(self) -> None:
        """What comes next, up to :meth:`whole`, are the last lines of each file once more."""
        self._waiting = {}

    def new(self, file: str, text: str) -> Iterator[tuple[str, str]]:
        if self._waiting is not None:
            self._waiting.setdefault(file, []).append(text)
            return
        self._last.setdefault(file, deque(maxlen=KNOWN)).append(text)
        yield file, text

    def whole(self) -> Iterator[tuple[str, str]]:
        """Those of the lines read again that have not been shown."""
        waiting, self._waiting = self._waiting or {}, None
        for file, texts in waiting.items():
            for text in texts[_after(texts, list(self._last.get(file, ()))) :]:
                yield from self.new(file, text)


def _after(texts: Sequence[str], last: Sequence[str]) -> int:
    """Where in ``texts`` goes on what ends with ``last``; 0 if it is not there."""
    for end in range(len(texts), 0, -1):
        size = min(len(last), end)
        if size and list(texts[end - size : end]) == list(last[len(last) - size :]):
            return end
    return 0
