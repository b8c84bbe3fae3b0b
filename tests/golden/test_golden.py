"""Golden scripts: what a host gets, byte for byte, kept here so that every change of it is seen.

To renew them after a wanted change: RENEW_GOLDEN=1 python -m pytest tests/golden
Read the difference, then run again without it. A run that renews always fails.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from tests.golden.kinds import KINDS
from tests.golden.windows_kinds import WINDOWS
from tests.render.shells import tool

HERE = Path(__file__).parent
ALL = {**KINDS, **WINDOWS}
SCRIPTS = [HERE / name for name in KINDS if name.endswith(".sh")]


@pytest.mark.parametrize("name", ALL)
def test_rendered_as_kept(name):
    path, text = HERE / name, ALL[name]()
    if os.environ.get("RENEW_GOLDEN"):
        same = path.exists() and path.read_text("utf-8") == text
        path.write_text(text, "utf-8")
        pytest.fail(f"{name}: {'as it was' if same else 'renewed'}; run again without RENEW_GOLDEN")
    assert path.exists(), f"there is no golden {name}; RENEW_GOLDEN=1 makes it"
    assert text == path.read_text("utf-8")


def test_nothing_else_is_kept():
    kept = {path for path in HERE.rglob("*") if path.suffix in (".sh", ".service", ".plist", ".ps1")}
    assert {str(path.relative_to(HERE)) for path in kept} == set(ALL)


def test_shellcheck_finds_nothing():
    done = subprocess.run(
        [tool("shellcheck"), "--shell=sh", "--severity=warning", "--format=json1", *map(str, SCRIPTS)],
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    found = defaultdict(list)
    for comment in json.loads(done.stdout)["comments"]:
        said = f"{comment['line']}: SC{comment['code']} {comment['message']}"
        found[Path(comment["file"]).name].append(said)
    assert dict(found) == {}


@pytest.mark.parametrize("shell", [("dash",), ("bash", "--posix"), ("busybox", "sh")], ids=lambda s: s[0])
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_every_shell_can_read_it(path, shell):
    done = subprocess.run([tool(shell[0]), *shell[1:], "-n", str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "name", [n for n in ALL if n.startswith(("up-", "windows/")) or n in ("token.sh", "image.sh")]
)
def test_no_secret_is_in_it(name):
    """A token or a password is only named there; its value comes beside the script."""
    text = ALL[name]()
    for line in text.splitlines():
        assert not line.startswith(("RF_TOKEN=", "RF_SUDO=", "$RF_TOKEN =", "$RF_SUDO ="))
