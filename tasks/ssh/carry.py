"""Copies a file to a host through a shell, because SFTP may be disabled there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tasks.script.answer import Answer
from tasks.script.protocol import BLANKS
from tasks.ssh.errors import CarryFailed
from tasks.text.quoting import posix as quote

# Constant text that sh, bash, zsh, fish and csh read in the same way. After the empty lines for start-up files it reads
# the length of a script and the script (byte by byte, or it would read part of the file), and runs it with the file on
# stdin.
COMMAND = """exec sh -c 'n=; while [ -z "$n" ] && IFS= read -r n; do :; done; eval "$(dd bs=1 count=$n 2>/dev/null)"'"""
CHUNK = 1 << 15

_SCRIPT = r"""
echo "$RF_MARK begin"
fail() { echo "$RF_MARK kv error $1"; echo "$RF_MARK end 1"; exit 1; }
case $path in
  "~") fail "it is a directory" ;;
  "~/"*) path=$HOME/${path#"~/"} ;;
  /*) ;;
  *) path=$HOME/$path ;;
esac
[ ! -d "$path" ] || fail "it is a directory"
directory=${path%/*}
[ -d "${directory:=/}" ] || mkdir -p "$directory" || fail "its directory cannot be made"
part=$path.part.$$
trap 'rm -f "$part"' EXIT
trap 'exit 1' HUP INT PIPE TERM
umask 077
rm -f "$part"
exec 3>"$part" || fail "it cannot be written"
chmod "$mode" "$part" || fail "its mode cannot be set"
cat >&3 || fail "it cannot be written; is the disk full?"
exec 3>&-
got=$(wc -c <"$part" | tr -d ' ')
[ "$got" = "$size" ] || fail "$got of $size bytes arrived"
if command -v sha256sum >/dev/null 2>&1; then sum=$(sha256sum <"$part")
elif command -v shasum >/dev/null 2>&1; then sum=$(shasum -a 256 <"$part")
else sum=$sha256; fi
[ "${sum%% *}" = "$sha256" ] || fail "it arrived changed"
mv -f "$part" "$path" || fail "it cannot be put in place"
echo "$RF_MARK end 0"
"""


@dataclass(frozen=True)
class Load:
    """The content to copy: `size` bytes, from memory or from a file."""

    source: Path | bytes
    size: int
    sha256: str

    @classmethod
    def of(cls, source: Path | str | bytes) -> Load:
        if isinstance(source, bytes):
            return cls(source, len(source), hashlib.sha256(source).hexdigest())
        source = Path(source)
        try:
            stat = source.stat()
            return cls(source, stat.st_size, _sha256(source, stat.st_size, stat.st_mtime_ns))
        except OSError as error:
            raise CarryFailed(f"{source} cannot be read: {error.strerror}") from error

    def stdin(
        self, mark: str, path: str, mode: int, on_bytes: Callable[[int, int], None] | None
    ) -> Iterator[bytes]:
        values = {
            "RF_MARK": mark,
            "path": path,
            "mode": f"{mode:o}",
            "size": str(self.size),
            "sha256": self.sha256,
        }
        head = "\n".join(f"{name}={quote(value)}" for name, value in values.items())
        # The script needs no newline at its end, since the shell's $(...) would remove it.
        script = (head + _SCRIPT).encode()
        yield b"%s%d\n%s" % (b"\n" * BLANKS, len(script), script)
        sent = 0
        for chunk in self.chunks():
            yield chunk
            sent += len(chunk)
            if on_bytes:
                on_bytes(sent, self.size)

    def chunks(self) -> Iterator[bytes]:
        if isinstance(self.source, bytes):
            for at in range(0, self.size, CHUNK):
                yield self.source[at : at + CHUNK]
            return
        with self.source.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def judge(self, answer: Answer, name: str, path: str) -> None:
        """Raises CarryFailed unless the answer of host `name` confirms that the file arrived."""
        if not answer.ok:
            last = " | ".join(answer.stderr.splitlines()[-2:])
            why = answer.error + (f" ({last})" if last and last not in answer.error else "")
            raise CarryFailed(
                f"{path} did not arrive on {name}: {why}", "check the directory and the disk, then run again"
            )


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, changed: int) -> str:
    """The file's SHA-256, computed once for all hosts, and again if its size or time of change differ."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
