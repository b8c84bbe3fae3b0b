"""The script protocol: the stdin of the host's shell, and the parsing of its stdout."""

from __future__ import annotations

import base64
import binascii
import re
import secrets as _secrets
from collections.abc import Callable, Iterable, Iterator, Mapping

from tasks.inventory.secret import Secret
from tasks.script.answer import Answer, Tail
from tasks.text.quoting import as_shells_print
from tasks.text.quoting import posix as quote

COMMAND = "exec sh -s"
BEGIN = """printf '%s begin\\n' "$RF_MARK\""""  # what shows that a shell runs the script
BLANKS = 8  # empty lines before a script
LINE_LIMIT = 1 << 20  # bytes; a longer line is split, so that binary output does not fill the memory
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def new_mark() -> str:
    return "rf" + _secrets.token_hex(8)


def wrap(script: str, mark: str, secrets: Mapping[str, Secret]) -> bytes:
    """The stdin for `sh -s`: the mark, the secrets, then the script."""
    for name in secrets:
        if not _NAME.match(name):
            raise ValueError(f"not a shell variable's name: {name!r}")
    lines = [
        # for start-up files that read a line, as in `read -p "press enter"`
        *[""] * BLANKS,
        f"RF_MARK={quote(mark)}",
        # start-up files may have put zsh in the place of sh
        '[ -z "${ZSH_VERSION-}" ] || emulate sh',
        BEGIN,
        *(f"{n}={quote(s.reveal())}" for n, s in secrets.items()),
    ]
    # The shell parses the whole group before it runs it: a script that was cut off does nothing,
    # and a command in it that reads stdin cannot read the rest of the script.
    return "\n".join([*lines, "{", script, "} </dev/null", ""]).encode()


def chunks(data: bytes, size: int = 1 << 15) -> Iterator[bytes]:
    """The data in pieces: paramiko copies the rest of a piece each time it sends a part of it."""
    return (data[at : at + size] for at in range(0, len(data), size))


class Scrubber:
    """Replaces secrets by `***` in text that people may see."""

    def __init__(self, secrets: Iterable[Secret | None]) -> None:
        found: set[str] = set()
        for secret in secrets:
            value = secret.reveal() if secret is not None else ""
            if value:
                # also as a shell prints it with `set -x`, and line by line, since output is read in lines
                found |= as_shells_print(value)
                found |= {line for line in value.splitlines() if len(line) >= 6}
        self._texts = sorted(found, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._texts:
            text = text.replace(secret, "***")
        return text


class Reader:
    """Builds the Answer from the bytes of stdout and stderr as they arrive.

    `on_step` is called with each progress text, `on_line` with each line that is not part of the answer.
    """

    def __init__(
        self,
        mark: str,
        scrub: Callable[[str], str] = str,
        on_step: Callable[[str], None] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self.answer = Answer()
        self.step = ""
        self.began = self.ended = False
        self._mark = mark + " "
        self.scrub = scrub
        self._on_step = on_step
        self._on_line = on_line
        self._rest = b""
        self._chatter = Tail(64 * 1024)
        self._stderr = Tail(16 * 1024)

    def stdout(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._rest) > LINE_LIMIT:
            rest, self._rest = self._rest, b""
            self._line(rest)

    def stderr(self, data: bytes) -> None:
        self._stderr.add(data)

    def close(self, status: int | None = None) -> Answer:
        """The Answer. Called once, when no more output comes.

        :param status: the exit status of the script's shell, None if it has none. It counts only if the script
            was interrupted.
        """
        if self._rest:
            rest, self._rest = self._rest, b""
            self._line(rest)
        answer = self.answer
        answer.chatter = self._chatter.text()
        answer.stderr = self.scrub(self._stderr.text())
        for key in ("error", "hint"):  # these are shown to people, unlike the other values
            if key in answer.values:
                answer.values[key] = self.scrub(answer.values[key])
                answer.all[key] = [self.scrub(value) for value in answer.all[key]]
        answer.error, answer.hint = answer.values.get("error", ""), answer.values.get("hint", "")
        answer.began, answer.ended = self.began, self.ended
        answer.ok = self.ended and answer.status == 0
        if not self.ended:
            answer.status = status
        if not answer.ok and not answer.error:
            answer.error = _reason(answer)
        return answer

    def _line(self, raw: bytes) -> None:
        line = raw.decode("utf-8", "replace").removesuffix("\r")
        # The mark is random, so it counts anywhere in a line: start-up files may print text without a newline.
        before, mark, message = line.partition(self._mark)
        if before or not mark:
            self._chat(self.scrub(before))
        if mark:
            self._message(message)

    def _chat(self, line: str) -> None:
        self._chatter.add(line.encode() + b"\n")
        if self._on_line:
            self._on_line(line)

    def _message(self, message: str) -> None:
        kind, _, rest = message.partition(" ")
        key, _, value = rest.partition(" ")
        self.began = True
        if kind == "kv":
            self.answer.values[key] = value
            self.answer.all.setdefault(key, []).append(value)
        elif kind == "text":
            self.answer.texts.setdefault(key, []).append(value)
        elif kind == "step":
            self.step = self.scrub(rest)
            if self._on_step:
                self._on_step(self.step)
        elif kind == "end":
            self.ended = True
            self.answer.status = int(rest) if rest.strip().isdigit() else 255
        elif kind == "begin":
            pass
        elif kind == "b64":
            # any other line, encoded for connections that pass only ASCII
            try:
                self._message(base64.b64decode(rest).decode("utf-8", "replace"))
            except binascii.Error:
                self._chat(self.scrub(message))
        elif kind == "say":
            self._chat(self.scrub(rest))
        else:
            self._chat(self.scrub(message))


def _reason(answer: Answer) -> str:
    """The error of a failed script that reported none: how it ended, and its last words."""
    last = " | ".join([line for line in answer.stderr.splitlines() if line.strip()][-3:])
    early = "" if answer.ended else " early"
    if early and not last:
        last = answer.words(3)
    how = "was killed" if answer.status is None else f"ended{early} with status {answer.status}"
    return f"the script {how}" + (f": {last}" if last else "")
