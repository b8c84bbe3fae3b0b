"""What a script said."""

from __future__ import annotations

from dataclasses import dataclass, field


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
