"""A real conda makes the environment from the store, whatever settings the host has; its user may go on with it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.runtimes.conda.facts import Conda
from tasks.runtimes.conda.scripts import conda_script
from tasks.runtimes.facts import facts_script, parse_facts
from tasks.runtimes.packages.environments import package_changes
from tasks.testbed.engine import LabError
from tests.runtimes.conda import condas
from tests.runtimes.conda.condas import HOST, item
from tests.runtimes.packages.kits import kit_of
from tests.script.shells import ask
from tests.standins.conda import mirror, real

PYTHON = "3.11.7"
PACKAGES = (
    "linux-64/python-3.11.7",
    "linux-64/standin-libs",
    "noarch/pip-",
    "noarch/setuptools-",
    "noarch/wheel-",
)
# with each of these, conda failed or made another environment
FOLLOWED = """
create_default_packages: [numpy, ipython]
allowlist_channels: [https://conda.example.com/x]
override_channels_enabled: false
ssl_verify: /nowhere/ca.pem
channel_priority: sometimes
subdir: osx-64
"""
BROKEN = "channels: [a\n b: : c\n"


def conda_of(version: str, target: Path) -> Path:
    try:
        return real.copy(version, target)
    except LabError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))


class Host:
    """A user's home with a real conda, and the files of a deploy in its store."""

    def __init__(self, home: Path, version: str) -> None:
        self.home, self.base = home, home / "own-conda"
        self.program = conda_of(version, self.base)
        self.conda = Conda("conda", version, str(self.program))
        root = home / ".rayfab"
        self.node, store = root / "lab", root / ".store"
        uv = root / ".uv" / condas.uv_version() / "uv"
        uv.parent.mkdir(parents=True)
        uv.symlink_to(condas.find_uv_bin())
        channel = mirror.tree() / "anaconda/pkgs/main"
        files = [next(channel.glob(f"{name}*[0-9a-z].[ct]*")) for name in PACKAGES]
        store.mkdir()
        self.items = condas.put(store, "wheel")
        newer = condas.wheel("setuptools", "69.0.0")
        (store / newer[0]).write_bytes(newer[1])
        self.items.append(item("wheel", *newer))
        for file in files:
            data = file.read_bytes()
            (store / file.name).write_bytes(data)
            self.items.append(item("conda", file.name, data))

    @property
    def env(self) -> Path:
        return self.node / "envs/e"

    def install(self, *more):
        kit = kit_of([*self.items, *more], PYTHON)
        items = [replace(one, url="-") for one in kit.items]
        script = conda_script(
            HOST, "lab", env_id="e", kit=kit, items=items, uv_version=condas.uv_version(), conda=self.conda
        )
        answer = ask(script, "dash", self.home)
        answer.values.pop("fetched", None)
        return answer

    def facts(self):
        """What the next deploy reads. (The state makes it a node's.)"""
        (self.node / "state.json").write_text("{}\n")
        answer = ask(facts_script(HOST, "lab"), "dash", self.home)
        return parse_facts(HOST, answer.all, answer.texts)

    def run(self, *words: str) -> str:
        # with a home in which conda works
        known = {"HOME": str(self.home.parent), "PATH": "/usr/bin:/bin"}
        return subprocess.run(words, env=known, check=True, capture_output=True, text=True).stdout

    def pip(self, *words: str) -> str:
        store = self.home / ".rayfab/.store"
        words = ("-m", "pip", "--disable-pip-version-check", *words, "--no-index", "--find-links", str(store))
        return self.run(str(self.env / "bin/python"), *words)


@pytest.fixture(scope="module", params=sorted(real.CARRIERS))
def made(request, tmp_path_factory):
    """A host whose environment a real conda has made, with all the settings that a user can have."""
    host = Host(tmp_path_factory.mktemp("home") / "alice", request.param)
    (host.home / ".condarc").write_text(FOLLOWED + BROKEN)
    answer = host.install()
    assert answer.values == {"changed": "1"}, (answer.error, answer.texts)
    return host


class TestSettings:
    def test_of_the_user_are_not_read_and_nothing_is_left_in_the_home(self, made):
        assert not (made.home / ".conda").exists()
        assert subprocess.check_output([made.env / "bin/ray"], text=True).strip() == "2.7.2"

    @pytest.mark.parametrize("text", [FOLLOWED, BROKEN], ids=["valid", "broken"])
    def test_of_the_whole_machine_are_not_followed(self, made, text, request):
        """In the base environment's folder, where conda looks for them as it does in /etc/conda."""
        (made.base / ".condarc").write_text(text)
        request.addfinalizer((made.base / ".condarc").unlink)
        (made.env / ".complete").unlink()
        answer = made.install()
        assert answer.values == {"changed": "1"}, (answer.error, answer.texts)
        assert not (made.env / "bin/ipython").exists()
        assert made.facts().envs == {"e"}

    def test_a_failure_is_headed_by_what_conda_says_first(self, made):
        bad = item("conda", "bad-1.0-0.conda", b"not a package")
        (made.home / ".rayfab/.store" / bad.file).write_bytes(b"not a package")
        (made.env / ".complete").unlink()
        answer = made.install(bad)
        assert answer.error.startswith("conda cannot make the environment: InvalidArchiveError"), answer.texts
        assert made.install().values["changed"] == "1"


class TestDailyUse:
    """In the order of the file."""

    def test_conda_list_changes_nothing_that_counts(self, made):
        stale = made.env / "conda-meta/setuptools-65.6.3-standin_0.json"
        assert stale.exists()
        made.run(str(made.program), "list", "-p", str(made.env))
        if made.conda.version != "22.9.0":  # there it is another program, which is not in the wheel
            made.run(str(made.program), "env", "export", "-p", str(made.env))
        assert not stale.exists(), "conda removes the record of what uv has replaced"
        facts = made.facts()
        assert (facts.envs, facts.env_changes) == ({"e"}, ())

    def test_packages_of_the_user_s_are_named_and_stay(self, made):
        name, data = condas.wheel("emoji", "2.0")
        (made.home / ".rayfab/.store" / name).write_bytes(data)
        made.pip("install", "emoji")
        made.run(str(made.env / "bin/python"), "-m", "pip", "uninstall", "-y", "wheel")
        facts = made.facts()
        assert facts.envs == {"e"}
        assert package_changes(facts.env_changes) == ["emoji 2.0 added", "wheel 0.38.4 removed"]
        assert made.install().values == {"changed": "0"}

    def test_a_lost_file_of_a_package_is_not_a_change(self, made):
        lost = next((made.env / "lib/python3.11/json").glob("decoder.py"))
        lost.rename(lost.with_suffix(".away"))
        assert made.facts().envs == frozenset()
        lost.with_suffix(".away").rename(lost)
        assert made.facts().envs == {"e"}

    def test_another_ray_is_not_a_change(self, made):
        name, data = condas.wheel("ray", "2.9.0", "ray")
        (made.home / ".rayfab/.store" / name).write_bytes(data)
        made.pip("install", "ray==2.9.0")
        assert made.facts().envs == frozenset()
        made.pip("install", "ray==2.7.2")
        assert made.facts().envs == {"e"}

    def test_pip_may_replace_itself(self, made):
        name, data = condas.wheel("pip", "99.0")
        (made.home / ".rayfab/.store" / name).write_bytes(data)
        made.pip("install", "--upgrade", "pip")
        facts = made.facts()
        assert facts.envs == {"e"}
        assert "pip 22.3.1 -> 99.0" in package_changes(facts.env_changes)
