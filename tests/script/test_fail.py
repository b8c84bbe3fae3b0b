"""What a script says when it fails: the error, and a fix even where the call names none."""

from __future__ import annotations

import getpass

import pytest

from tasks.script.fragments import fragment
from tests.script.shells import SHELLS, spawn


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("call", "error", "hint"),
    [
        ("fail 'no such thing' 'make one'", "no such thing", "make one"),
        (
            'fail "cannot make $HOME/a b/c"',
            "cannot make {home}/a b/c",
            "is there space, and may {user} write there? df -h {home}/a b; ls -ld {home}/a b",
        ),
        (
            'fail "cannot replace /srv/x"',
            "cannot replace /srv/x",
            "is there space, and may {user} write there? df -h /srv; ls -ld /srv",
        ),
        ("fail 'cannot write /x' 'look at it'", "cannot write /x", "look at it"),
        ("fail 'no such thing'", "no such thing", None),
    ],
)
def test_a_failure_has_its_fix(shell, call, error, hint, tmp_path):
    script = f"RF_MARK=m\nCLUSTER=lab\n{fragment('lib').text}\n{call}\necho reached"
    process = spawn(script, shell, tmp_path)
    out, err = process.communicate(timeout=30)
    lines = [line for line in out.decode().splitlines() if line and not line.endswith(" begin")]
    there = {"home": tmp_path, "user": getpass.getuser()}
    expected = [f"m kv error {error.format(**there)}"]
    expected += [f"m kv hint {hint.format(**there)}"] if hint else []
    assert (lines, err, process.returncode) == ([*expected, "m end 1"], b"", 1)
