"""Which condas a host is found to have, wherever they lie; the programs are stand-ins that say a version."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path

import pytest

from tasks.runtimes.conda.facts import Conda, parse_condas
from tasks.runtimes.facts import facts_script, parse_facts
from tasks.script.fragments import fragment
from tests.runtimes.conda.condas import HOST, make, tree
from tests.script import samples
from tests.script.mac import Mac, taken_out
from tests.script.shells import SHELLS, SYSTEM_PATH, ask, stand_in


class Host:
    """A home, and a folder that stands for the system's own /opt, /usr/local and /etc."""

    def __init__(self, shell: str, folder: Path) -> None:
        self.shell, self.home, self.top = shell, folder / "home", folder / "top"
        self.home.mkdir()
        self.top.mkdir()

    def has(self, path: str, version: str | None = None) -> str:
        """A program at a path, ``~/`` being the home and ``/`` the folder."""
        place = self.home / path[2:] if path.startswith("~/") else self.top / path[1:]
        own = {"conda": "conda 24.1.2", "mamba": "mamba 1.5.8\nconda 24.1.2", "micromamba": "1.5.8"}
        said = version or own[place.name]
        stand_in(
            place.parent, place.name, f'[ "$*" = --version ] || exit 9\nprintf %s\\\\n {shlex.quote(said)}'
        )
        return str(place)

    def text(self, host=HOST) -> str:
        """The script of questions that looks into this folder for the system's own."""
        text, find = facts_script(host, "lab").text, fragment("conda_find").text
        assert find in text
        moved, count = re.subn(r" /(opt|usr/local|etc/profile\.d)(?=[/; ])", rf" {self.top}/\1", find)
        assert count == 6
        return text.replace(find, moved)

    def facts(self, host=HOST, *, path: str = SYSTEM_PATH, **env: str):
        answer = ask(self.text(host), self.shell, self.home, path=path, **env)
        assert answer.ok, answer.error
        assert answer.stderr == ""
        return parse_facts(host, answer.all, answer.texts)

    def found(self, **more) -> list[tuple[str, str, str]]:
        return [(c.kind, c.version, c.path) for c in self.facts(**more).own.condas]


@pytest.fixture(params=SHELLS)
def host(request, tmp_path):
    return Host(request.param, tmp_path)


def test_looking_finds_no_conda_and_leaves_nothing(host):
    before = tree(host.home)
    facts = host.facts()
    assert facts.own.condas == () and facts.own.prefix == "absent"
    assert tree(host.home) == before == {}


def test_other_runtimes_do_not_ask(host):
    host.has("~/miniconda3/bin/conda")
    answer = ask(facts_script(samples.host(), "lab"), host.shell, host.home)
    assert "conda_prefix" not in answer.values and "conda" not in answer.values


@pytest.mark.parametrize(
    "path",
    [
        *(f"~/{name}/bin/conda" for name in ("miniconda3", "anaconda3", "miniforge3", "mambaforge")),
        *(
            f"/opt/{name}/bin/conda"
            for name in ("conda", "miniconda3", "anaconda3", "miniforge3", "mambaforge")
        ),
        *(f"/usr/local/{name}/bin/conda" for name in ("miniconda3", "anaconda3", "miniforge3")),
        *(f"/opt/homebrew/Caskroom/{name}/base/bin/conda" for name in ("miniconda", "miniforge", "anaconda")),
        "/usr/local/Caskroom/miniconda/base/bin/conda",
        "/opt/homebrew/bin/micromamba",
        "~/.local/bin/micromamba",
        "~/micromamba/bin/micromamba",
        "/opt/miniforge3/bin/mamba",
    ],
)
def test_a_conda_in_a_usual_place_is_found(host, path):
    place = host.has(path)
    ((kind, version, found),) = host.found()
    assert (kind, found) == (place.rpartition("/")[2], place)
    assert version == ("24.1.2" if kind == "conda" else "1.5.8")


def test_on_path_and_in_variables(host):
    on_path = host.has("/a/bin/conda")
    conda, mamba = host.has("/b/bin/conda"), host.has("/c/bin/micromamba")
    found = host.found(path=f"{host.top}/a/bin:{SYSTEM_PATH}", CONDA_EXE=conda, MAMBA_EXE=mamba)
    assert [path for *_, path in found] == [on_path, conda, mamba]


STARTUP = {
    ".bashrc": "__conda_setup=\"$('{conda}/bin/conda' 'shell.bash' 'hook' 2> /dev/null)\"\n",
    ".bash_profile": 'export PATH="{conda}/bin:$PATH"\n',
    ".profile": '  . "{conda}/etc/profile.d/conda.sh"\n',
    ".zshrc": "path=({conda}/condabin $path)\n",
    ".zprofile": "PATH=$PATH:{conda}/bin; export PATH\n",
    ".config/fish/config.fish": 'eval {conda}/bin/conda "shell.fish" "hook" $argv | source\n',
    ".tcshrc": "setenv PATH {conda}/bin:$PATH\n",
    ".cshrc": 'source "{conda}/etc/profile.d/conda.csh"\n',
}


class TestStartUpFiles:
    """They are what brings conda to PATH in a terminal, and no session of ours reads them."""

    @pytest.mark.parametrize("name", STARTUP)
    @pytest.mark.parametrize("written", ["{conda}", "$HOME/odd", "${{HOME}}/odd", "~/odd"])
    def test_read_never_run(self, host, name, written):
        place = host.has("~/odd/bin/conda")
        if "condabin" in STARTUP[name]:
            place = host.has("~/odd/condabin/conda")
            (host.home / "odd/bin/conda").unlink()
        file = host.home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        text = STARTUP[name].format(conda=written.format(conda=host.home / "odd"))
        file.write_text(f'touch "$HOME/ran"\nreturn 1\nexit 1\n{text}if [ broken')
        assert host.found() == [("conda", "24.1.2", place)]
        assert not (host.home / "ran").exists()

    def test_conda_is_found_by_a_file_of_the_system(self, host):
        place = host.has("/odd/bin/conda")
        (host.top / "etc/profile.d").mkdir(parents=True)
        (host.top / "etc/profile.d/conda.sh").write_text(f"PATH={host.top}/odd/bin:$PATH\n")
        assert host.found() == [("conda", "24.1.2", place)]

    def test_micromamba_is_found_by_its_variable(self, host):
        place = host.has("~/tools/micromamba")
        (host.home / ".bashrc").write_text(f"export MAMBA_EXE='{place}';\nexport MAMBA_ROOT_PREFIX='/x';\n")
        assert host.found() == [("micromamba", "1.5.8", place)]

    def test_what_is_switched_off(self, host):
        host.has("~/odd/bin/conda")
        (host.home / ".bashrc").write_text(
            "# export PATH=~/odd/bin:$PATH\n  #. ~/odd/etc/profile.d/conda.sh\n"
        )
        assert host.found() == []

    def test_nothing_in_them_runs_as_code(self, host):
        words = [
            "$(touch ran)/bin",
            "`touch ran`/bin/conda",
            "';touch ran;'/bin",
            "~root/bin",
            "*/bin",
            "/bin",
        ]
        (host.home / ".bashrc").write_text("\n".join([*words, *samples.WORST]))
        assert host.found() == []
        assert not list(host.home.rglob("ran"))

    def test_long_and_binary_ones(self, host):
        place = host.has("~/odd/bin/conda")
        (host.home / ".bashrc").write_bytes(
            b"\xff\xfe\n" + b"x" * 200_000 + b"\n" + b"PATH=/y/bin:$PATH\n" * 2000 + b"PATH=~/odd/bin\n"
        )
        assert host.found() == [("conda", "24.1.2", place)]


class TestOnce:
    def test_by_several_ways(self, host):
        """The same one on PATH, by a link, in its usual place and in a start-up file."""
        place = host.has("~/miniconda3/bin/conda")
        host.has("~/miniconda3/condabin/conda")
        host.has("~/miniconda3/bin/mamba")
        (host.top / "links").mkdir()
        (host.top / "links/conda").symlink_to(place)
        (host.home / "anaconda3").symlink_to(host.home / "miniconda3")
        (host.home / ".bashrc").write_text("PATH=~/miniconda3/bin:$PATH\n")
        found = host.found(path=f"{host.top}/links:{host.home}/miniconda3/bin:{SYSTEM_PATH}")
        assert found == [("conda", "24.1.2", f"{host.top}/links/conda")]

    def test_several_condas_are_each_found_once(self, host):
        one, two = host.has("~/miniconda3/bin/conda"), host.has("/opt/conda/bin/conda", "conda 4.12.0")
        three, four = host.has("~/.local/bin/micromamba"), host.has("/opt/miniforge3/bin/mamba", "2.0.5")
        assert host.found() == [
            ("conda", "24.1.2", one),
            ("conda", "4.12.0", two),
            ("mamba", "2.0.5", four),
            ("micromamba", "1.5.8", three),
        ]


class TestThoseThatDoNotAnswer:
    @pytest.mark.parametrize(
        "said",
        ["ERROR: The install method you used for conda", "24.1.2", "conda", "conda $(touch ran)", "conda x"],
    )
    def test_an_unusual_answer_is_passed_over(self, host, said):
        host.has("~/miniconda3/bin/conda", said)
        good = host.has("/opt/conda/bin/conda")
        assert host.found() == [("conda", "24.1.2", good)]
        assert not list(host.home.rglob("ran"))

    def test_files_that_are_not_programs_are_passed_over(self, host):
        (host.home / "miniconda3/bin/conda").mkdir(parents=True)
        (host.home / "anaconda3/bin").mkdir(parents=True)
        (host.home / "anaconda3/bin/conda").write_text("echo conda 1.0")
        (host.home / "miniforge3/bin").mkdir(parents=True)
        (host.home / "miniforge3/bin/conda").symlink_to("conda")
        assert host.found() == []

    def test_a_mamba_beside_a_broken_conda(self, host):
        host.has("~/miniforge3/bin/conda", "Traceback")
        mamba = host.has("~/miniforge3/bin/mamba")
        assert host.found() == [("mamba", "1.5.8", mamba)]

    def test_one_that_hangs(self, host):
        """As on a network's file system that is gone; the limit of 20 s is made short."""
        stand_in(host.home / "miniconda3/bin", "conda", "sleep 60")
        good = host.has("/opt/conda/bin/conda")
        stand_in(host.top / "bin", "timeout", 'shift; exec /usr/bin/timeout 0.5 "$@"')
        began = time.monotonic()
        assert host.found(path=f"{host.top}/bin:{SYSTEM_PATH}") == [("conda", "24.1.2", good)]
        assert time.monotonic() - began < 20


class TestPrefix:
    """What lies where conda would be installed; what a deploy makes of each is shown with its script."""

    def test_a_conda_of_somebody_else_is_found_there(self, host):
        make(host.home / "conda")
        facts = host.facts()
        assert facts.own.prefix == "found"
        assert facts.own.condas == (Conda("conda", "24.1.2", f"{host.home}/conda/bin/conda"),)

    def test_its_conda_comes_first(self, host):
        other = host.has("/a/bin/conda")
        make(host.home / "conda")
        found = host.found(path=f"{host.top}/a/bin:{SYSTEM_PATH}")
        assert [path for *_, path in found] == [f"{host.home}/conda/bin/conda", other]

    def test_one_that_was_interrupted_is_not_offered(self, host):
        make(host.home / "conda")
        (host.home / "conda/.rayfab-installing").write_text("")
        (host.home / ".rayfab").mkdir()
        (host.home / ".rayfab/.conda-installing").write_text(f"{host.home}/conda\n")
        facts = host.facts(path=f"{host.home}/conda/bin:{SYSTEM_PATH}")
        assert facts.own.prefix == "broken" and facts.own.condas == ()

    @pytest.mark.parametrize(
        "prefix", ["~/it's $(touch ran) 中文", "~/`touch ran`", "/nonexistent/'\"$HOME*"]
    )
    def test_no_name_of_a_prefix_runs_as_code(self, host, prefix):
        of = HOST.model_copy(update={"conda": HOST.conda.model_copy(update={"prefix": prefix})})
        assert host.facts(of).own.prefix == "absent"
        if prefix.startswith("~/"):
            place = host.home / prefix[2:]
            make(place)
            facts = host.facts(of)
            assert facts.own.prefix == "found"
            assert [c.path for c in facts.own.condas] == [f"{place}/bin/conda"]
        assert not list(host.home.rglob("ran"))


@pytest.mark.parametrize("shell", SHELLS)
def test_condas_of_a_mac_are_found(shell, tmp_path):
    """With what macOS has: Homebrew's own, and zsh's start-up file."""
    mac = Mac(shell, tmp_path)
    (tmp_path / "more").mkdir()
    host = Host(shell, tmp_path / "more")
    host.home = mac.home
    brew = host.has("/opt/homebrew/Caskroom/miniconda/base/bin/conda")
    mine = host.has("~/odd/bin/conda", "conda 23.3.1")
    (mac.home / ".zshrc").write_text("export PATH=~/odd/bin:$PATH\n")
    answer = ask(taken_out(host.text()), shell, mac.home, path=str(mac.bin))
    assert answer.ok and answer.stderr == ""
    facts = parse_facts(HOST, answer.all, answer.texts)
    assert facts.system == "Darwin"
    assert [(c.version, c.path) for c in facts.own.condas] == [("24.1.2", brew), ("23.3.1", mine)]


def test_lines_that_say_no_conda():
    lines = [
        "",
        "conda",
        "conda 1.0",
        "conda 1.0 relative",
        "other 1.0 /x",
        "micromamba 1.0 /m",
        "conda 2.0 /a b",
    ]
    assert parse_condas(lines) == (Conda("conda", "2.0", "/a b"), Conda("micromamba", "1.0", "/m"))
