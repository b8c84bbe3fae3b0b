"""Real bash, zsh and fish on a pseudo-terminal: keys are pressed, and the line that is being edited is read back."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from pathlib import Path

SECONDS = 20.0
ALL, DUMP, CLEAR = "\x18a", "\x18d", "\x15"  # Ctrl-X a, Ctrl-X d, Ctrl-U

# each binds Ctrl-X d to writing the edited line into $DUMP; bash and zsh bind Ctrl-X a to inserting all candidates
RC = {
    "bash": r"""
PS1='ready> '
bind 'set bell-style none'
bind 'set enable-bracketed-paste off'
bind 'set completion-query-items 0'
bind 'set page-completions off'
bind '"\C-xa": insert-completions'
bind -x '"\C-xd": echo "$READLINE_LINE" >"$DUMP"'
""",
    "zsh": r"""
PS1='ready> '
unsetopt zle_bracketed_paste prompt_sp 2>/dev/null
dump() { print -r -- "$BUFFER" >$DUMP }
zle -N dump
bindkey -e
bindkey '^Xd' dump
zle -C all-matches complete-word _generic
bindkey '^Xa' all-matches
zstyle ':completion:all-matches::::' completer _all_matches _complete
zstyle ':completion:all-matches:*' insert true
zstyle ':completion:*' list-prompt ''
LISTMAX=0
""",
    "fish": r"""
function fish_prompt; echo -n 'ready> '; end
function fish_greeting; end
bind \cxd 'commandline >$DUMP'
""",
}


class Terminal:
    """One interactive shell; `setup` is what its user has in his rc file."""

    def __init__(self, shell: str, folder: Path, home: Path, setup: str, env: dict[str, str]) -> None:
        self.shell = shell
        self.screen = ""
        self.fifo = home / "dump"
        os.mkfifo(self.fifo)
        rc = home / {"bash": "bashrc", "zsh": ".zshrc", "fish": "setup.fish"}[shell]
        # zsh binds keys to completion only after compinit, which belongs to the setup
        rc.write_text(f"{setup}\n{RC[shell]}" if shell != "bash" else f"{RC[shell]}\n{setup}")
        argv = {
            "bash": ["bash", "--noprofile", "--rcfile", str(rc), "-i"],
            "zsh": ["zsh", "-d", "-i"],
            "fish": ["fish", "-i", "-C", f"source {rc}"],
        }[shell]
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 160, 0, 0))
        env = {"HOME": str(home), "ZDOTDIR": str(home), "TERM": "xterm", "DUMP": str(self.fifo), **env}
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=env, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)
        self.wait_for("ready> ")

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def line(self) -> str:
        """The line as it stands once every key so far has had its effect."""
        self.press(DUMP)
        reader = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)
        found, end = b"", time.monotonic() + SECONDS
        try:
            while time.monotonic() < end:
                # the shell stops where nobody reads what it draws
                ready, _, _ = select.select([reader, self.master], [], [], 0.1)
                if self.master in ready:
                    self._draw()
                if reader in ready:
                    part = os.read(reader, 1 << 16)
                    if not part and found:
                        return found.decode()[:-1]
                    found += part
        finally:
            os.close(reader)
        raise AssertionError(f"{self.shell} does not answer; its screen: {self.screen[-2000:]!r}")

    def completed(self, typed: str, keys: str = "\t") -> str:
        """The line after `typed` and a TAB."""
        self.screen = ""
        self.press(typed + keys)
        found = self.line()
        self.press(CLEAR)
        return found

    def wait_for(self, text: str) -> str:
        """The screen, without colours and movements, once `text` is on it."""
        end = time.monotonic() + SECONDS
        while text not in plain(self.screen):
            assert time.monotonic() < end, f"{text!r} is not on the screen: {plain(self.screen)[-2000:]}"
            if select.select([self.master], [], [], 0.1)[0]:
                self._draw()
        return plain(self.screen)

    def _draw(self) -> None:
        try:
            self.screen += os.read(self.master, 1 << 16).decode("utf-8", "replace")
        except OSError:
            raise AssertionError(f"{self.shell} has ended: {self.screen[-2000:]!r}") from None

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def plain(screen: str) -> str:
    return re.sub(r"\x1b(\[[0-9;?>=]*[A-Za-z]|\][^\x07]*\x07|[()][A-Z0-9]|[=>])|[\x0f\r]", "", screen)
