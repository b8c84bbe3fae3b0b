"""A folder to type in, with a hosts file, and each shell with completion turned on as its user would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.completion.terminal import ALL, Terminal

TOP = Path(__file__).resolve().parents[2]
HOSTS = """
cluster: lab
head: {host: 10.0.0.1, name: boss}
workers:
  - 10.0.0.[10-11]
  - alice@mac-mini.lab:2222
  - host: 10.0.1.[1-2]
    name: gpu[1-2]
  - fd00::7
"""
PACKAGE = "/usr/share/bash-completion/bash_completion"
# how each shell may be set up; where bash has no compopt it is as old as macOS' own
SETUPS = {
    "bash": "source {script}",
    "bash with its package": f"source {PACKAGE}\nsource {{script}}",
    "bash with its package, which loads it": f"source {PACKAGE}",
    "bash without compopt": "enable -n compopt\nsource {script}",
    "bash in posix mode": "set -o posix\nsource {script}",
    "zsh": "autoload -Uz compinit; compinit -u\nsource {script}",
    "zsh that never calls compinit": "source {script}",
    "zsh that calls compinit later": "source {script}\nautoload -Uz compinit; compinit -u",
    "zsh from fpath": "fpath=({folder} $fpath)\nautoload -Uz compinit; compinit -u",
    "fish": "source {script}",
    "fish from its folder": "set fish_complete_path {folder} $fish_complete_path",
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """Where everything is typed."""
    made = tmp_path_factory.mktemp("typed")
    made.joinpath("lab.yml").write_text(HOSTS)
    made.joinpath("other.yml").write_text("head: zeus\nworkers: [hera, '$(reboot)', 'two words']\n")
    made.joinpath("grouped.yml").write_text(
        "head: {host: zeus, labels: {zone: a}}\nworkers: [hera]\ngroups: {gods: [hera, '@old'], old: zeus}\n"
    )
    made.joinpath("broken.yml").write_text("head: [zeus\nworkers: }\n")
    made.joinpath("images").mkdir()
    for name in ("fab", "rf"):
        made.joinpath(name).symlink_to(TOP / "fab")
    return made


@pytest.fixture(scope="session")
def env(tmp_path_factory, folder) -> dict[str, str]:
    """Fabric's own `fab` is on the PATH, as it is for many, and `rf`, a link to ours."""
    programs = tmp_path_factory.mktemp("bin")
    programs.joinpath("rf").symlink_to(TOP / "fab")
    programs.joinpath("fab").symlink_to(Path(sys.executable).with_name("fab"))
    return {
        "PATH": f"{programs}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")),
        "RAY_HOSTS_FILE": str(folder / "lab.yml"),
    }


@pytest.fixture(scope="session")
def script(env):
    """What `rf completion SHELL` prints, from any checkout."""
    known: dict[tuple[str, Path], str] = {}

    def printed(shell: str, top: Path = TOP) -> str:
        if (shell, top) not in known:
            known[shell, top] = subprocess.run(
                [sys.executable, str(top / "tasks"), "completion", shell],
                env={**env, "RAYFAB_PROGRAM": "rf", "HOME": str(top)},
                cwd=top,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        return known[shell, top]

    return printed


@pytest.fixture(scope="module")
def opened(tmp_path_factory, folder, env, script):
    """A function: the terminal of a set-up; the same one each time."""
    terminals: dict[tuple[str, Path], Terminal] = {}

    def terminal(setup: str, top: Path = TOP, where: Path = folder) -> Terminal:
        shell = setup.split()[0]
        if not shutil.which(shell):
            pytest.skip(f"no {shell}")
        if "package" in setup and not os.path.exists(PACKAGE):
            pytest.skip("no bash-completion")
        if (setup, where) not in terminals:
            home = tmp_path_factory.mktemp("home")
            functions = home / "a folder"
            functions.mkdir()
            for name in ("_rayfab", "fab.fish"):  # as zsh and fish want them to be called
                functions.joinpath(name).write_text(script(shell, top))
            loaded = home / ".local/share/bash-completion/completions"
            loaded.mkdir(parents=True)
            loaded.joinpath("fab").write_text(script(shell, top))
            said = SETUPS[setup].format(script=f"'{functions}/_rayfab'", folder=f"'{functions}'")
            terminals[setup, where] = Terminal(shell, where, home, said, env)
        return terminals[setup, where]

    yield terminal
    for one in terminals.values():
        one.close()


@pytest.fixture(scope="module")
def fish(folder, env, script, tmp_path_factory):
    """A function: what `complete -C` answers, as (candidate, description)."""
    if not shutil.which("fish"):
        pytest.skip("no fish")
    file = tmp_path_factory.mktemp("fish") / "fab.fish"
    file.write_text(script("fish"))

    def complete(typed: str, setup: str = "fish") -> list[tuple[str, str]]:
        said = subprocess.run(
            [
                "fish",
                "-c",
                f"{SETUPS[setup].format(script=file, folder=file.parent)}; complete -C $argv[1]",
                typed,
            ],
            env={**env, "HOME": str(file.parent)},
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stderr == ""
        return [tuple(line.partition("\t")[::2]) for line in said.stdout.splitlines()]

    return complete


@pytest.fixture
def candidates(opened, fish):
    """A function: the sorted candidates behind what is typed in a shell, each as it would stand in the line."""

    def offered(setup: str, typed: str) -> list[str]:
        if setup.startswith("fish"):
            found = [name for name, _ in fish(typed, setup)]
        else:
            terminal = opened(setup)
            line = terminal.completed(typed, ALL)
            if line == typed:
                return []
            # all candidates take the place of the word that is being typed
            before = typed[: typed.rindex(" ") + 1]
            assert line.startswith(before)
            found = line[len(before) :].split()
        found = [word.partition("=")[2] if word.startswith("--") and "=" in word else word for word in found]
        return sorted(word.rstrip("/") for word in found)

    return offered
