"""What a script answered."""

from __future__ import annotations

from dataclasses import dataclass, field

from tasks.text.wording import printable

HIDDEN = ("token",)  # keys of values that are the host's secrets


@dataclass
class Answer:
    """What one script answered.

    :ivar ok: the script ran to completion with status 0; otherwise ``error`` is the reason.
    :ivar began: the host's shell ran its first line.
    :ivar ended: it ran to completion, whatever its status.
    :ivar status: its exit status; if it was interrupted, that of its shell.
    :ivar values: the last value of each key; ``all`` has every value of each key in order.
    :ivar texts: the lines of each key.
    :ivar hint: how to fix the error, or ''.
    :ivar stderr: the end of stderr, with secrets replaced.
    :ivar chatter: the lines of stdout that are not part of the answer.
    :ivar seconds: wall time.
    """

    ok: bool = False
    began: bool = False
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

    def words(self, lines: int = 4, limit: int = 300) -> str:
        """The last lines of both streams that are not part of the answer, as one line; of programs, not for them."""
        said = [*self.chatter.splitlines(), *self.stderr.splitlines()]
        text = " | ".join([printable(line.strip()) for line in said if line.strip()][-lines:])
        return text if len(text) <= limit else f"{text[: limit - 3]}..."

    def listing(self) -> str:
        """The whole answer for `--debug`, without values that are secret."""
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
        if len(self._data) > 2 * self._limit:  # in large steps, because each cut copies the data
            del self._data[: -self._limit]
            self._cut = True

    def text(self) -> str:
        data = bytes(self._data[-self._limit :])
        if self._cut or len(self._data) > self._limit:
            # The first line may be cut, and half a secret in it would not be recognised.
            data = data.partition(b"\n")[2]
        return data.decode("utf-8", "replace")
