"""What each host gets is kept here, so that every change of it is seen.

A script is kept as its manifest, NAME.txt: its assignments, and its fragments and drivers by name. The files of a
node (units, property lists, tasks, start scripts) are kept whole.

To renew them after a change: RENEW_GOLDEN=1 python -m pytest tests/golden
Read the difference, then run again without it. A run that renews always fails.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from tasks.script import fragments
from tasks.script.files import ENDINGS
from tasks.script.files import files as texts
from tasks.script.fragments import PS, SH
from tests.golden import kinds, windows_kinds
from tests.golden.manifest import assembled, manifest
from tests.script.shells import tool

HERE = Path(__file__).parent
FILES = {**kinds.FILES, **{f"windows/{name}": make for name, make in windows_kinds.FILES.items()}}
SCRIPTS = {name: (make, SH) for name, make in kinds.SCRIPTS.items()}
SCRIPTS |= {f"windows/{name}": (make, PS) for name, make in windows_kinds.SCRIPTS.items()}
KEPT = [*FILES, *(f"{name}.txt" for name in SCRIPTS)]
# all that a POSIX shell runs
POSIX = [*kinds.SCRIPTS, *(name for name in kinds.FILES if name.endswith(".sh"))]


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return {name: make() for name, make in FILES.items()}


def shown(kept: str, files: dict[str, str]) -> str:
    if kept in files:
        return files[kept]
    make, kind = SCRIPTS[kept.removesuffix(".txt")]
    return manifest(make(), kind, files)


@pytest.fixture(scope="module")
def posix(files, tmp_path_factory) -> dict[str, Path]:
    """Every text for a POSIX shell, in a folder of its own, by its name."""
    folder = tmp_path_factory.mktemp("assembled")
    texts = {name: files[name] if name in files else assembled(*made(name)) for name in POSIX}
    paths = {name: folder / f"{name.removesuffix('.sh')}.sh" for name in texts}
    for name, path in paths.items():
        path.write_text(texts[name], "utf-8")
    return paths


def made(name: str):
    make, kind = SCRIPTS[name]
    return make(), kind


@pytest.mark.parametrize("name", KEPT)
def test_rendered_as_kept(name, files):
    path, text = HERE / name, shown(name, files)
    if os.environ.get("RENEW_GOLDEN"):
        same = path.exists() and path.read_text("utf-8") == text
        path.write_text(text, "utf-8")
        pytest.fail(f"{name}: {'as it was' if same else 'renewed'}; run again without RENEW_GOLDEN")
    assert path.exists(), f"there is no golden {name}; RENEW_GOLDEN=1 makes it"
    assert text == path.read_text("utf-8")


def test_nothing_else_is_kept():
    kept = {
        str(path.relative_to(HERE)) for path in HERE.rglob("*") if path.is_file() and path.suffix != ".py"
    }
    assert {name for name in kept if "__pycache__" not in name} == set(KEPT)


def test_every_fragment_is_in_a_kept_script():
    """So every fragment is read by shellcheck, by the shells, or by PowerShell's grammar."""
    used = {SH: {"program"}, PS: set()}
    for make, kind in SCRIPTS.values():
        script = make()
        used[kind] |= {
            *script.body,
            *(f.name for f in fragments.complete(kind, script.body, script.named)),
        }
    assert used == {kind: set(texts(kind)) for kind in (SH, PS)}


class TestAManifest:
    """It shows what a script is made of, and not what the parts of it say."""

    @pytest.mark.parametrize(("name", "of"), [("stop", "node"), ("stop", "stop"), ("windows/stop", "node")])
    def test_stays_when_a_fragment_changes(self, own_fragments, files, name, of):
        make, kind = SCRIPTS[name]
        before = assembled(*made(name))
        own_fragments.edit(f"{kind}/{of}{ENDINGS[kind]}", lambda source: source + "# another line\n")
        assert assembled(*made(name)) != before
        assert manifest(make(), kind, files) == (HERE / f"{name}.txt").read_text("utf-8")

    @pytest.mark.parametrize("name", ["stop", "windows/stop"])
    def test_changes_when_a_fragment_needs_another(self, own_fragments, files, name):
        make, kind = SCRIPTS[name]
        own_fragments.edit(
            f"{kind}/stop{ENDINGS[kind]}", lambda source: source.replace("needs: lib", "needs: lib store")
        )
        lib, store = (f"<{of}{ENDINGS[kind]}>\n" for of in ("lib", "store"))
        kept = (HERE / f"{name}.txt").read_text("utf-8")
        assert manifest(make(), kind, files) == kept.replace(lib, lib + store)

    def test_shows_what_is_no_part_of_a_script(self, monkeypatch, files):
        script = SCRIPTS["stop"][0]()
        text = script.text.replace("\nfinish 0\n}\n", "\nmore\nfinish 0\n}\n")
        monkeypatch.setattr("tests.golden.manifest.assembled", lambda *_: text)
        assert "<stop.sh>\nmore\nfinish 0\n" in manifest(script, SH, files)


def test_shellcheck_finds_nothing(posix):
    done = subprocess.run(
        [tool("shellcheck"), "--shell=sh", "--severity=warning", "--format=json1", *map(str, posix.values())],
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
@pytest.mark.parametrize("name", POSIX)
def test_every_shell_can_read_it(name, shell, posix):
    done = subprocess.run(
        [tool(shell[0]), *shell[1:], "-n", str(posix[name])], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_secret_is_in_it(name):
    """A token or a password is only named there; its value comes beside the script."""
    for line in assembled(*made(name)).splitlines():
        assert not line.startswith(("RF_", "$RF_TOKEN", "$RF_SUDO", "$RF_SEED", "$RF_REGISTRY"))
