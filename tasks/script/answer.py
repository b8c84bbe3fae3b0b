"""What a script answered."""

from __future__ import annotations

from dataclasses import dataclass, field

HIDDEN = ("token",)  # keys of values that are secrets of the host's own


@dataclass
class Answer:
    """`ok` only if the script came to its own end (`ended`) with status 0; otherwise `error` says why.

    `values[key]` is the last `kv` of that key and `all[key]` every one in order; `texts[key]` is a list of
    lines. `stderr` and `chatter` are tails with secrets replaced; `seconds` is wall time.
    """

    ok: bool = False
    ended: bool = False
    status: int | None = None
    values: dict[str, str] = field(default_factory=dict)
    all: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    error: str = ""
    hint: str = ""
    stderr: str = ""
    chatter: str = ""
    seconds: float = 0.0

    def listing(self) -> str:
        """All of it for people who look for a mistake, without values that must not be seen."""
        lines = [f"{k}={'***' if k in HIDDEN else v}" for k, values in self.all.items() for v in values]
        lines += [f"{key}| {line}" for key, texts in self.texts.items() for line in texts]
        lines += [f"stderr| {line}" for line in self.stderr.splitlines()] if self.stderr.strip() else []
        lines += [f"chatter| {line}" for line in self.chatter.splitlines()] if self.chatter.strip() else []
        return "\n".join(lines)


class Tail:
    """The last `limit` bytes of a stream, from the start of a line."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray()
        self._cut = False

    def add(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > 2 * self._limit:  # in large steps: a cut costs a copy
            del self._data[: -self._limit]
            self._cut = True

    def text(self) -> str:
        data = bytes(self._data[-self._limit :])
        if self._cut or len(self._data) > self._limit:
            # The first line is cut, and half a secret in it would not be recognised.
            data = data.partition(b"\n")[2]
        return data.decode("utf-8", "replace")
