"""The script that installs with uv, run for real with uv, small wheels and a server on this machine."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.runtimes.packages.items import Item
from tasks.runtimes.uv.scripts import uv_script
from tests.runtimes.conda import condas
from tests.runtimes.conda.condas import PYTHON, PYTHON_PATH
from tests.runtimes.packages.kits import kit_of
from tests.runtimes.packages.server import Site, serving
from tests.script import samples
from tests.script.processes import until
from tests.script.shells import SHELLS, SYSTEM_PATH, ask, stand_in

UV = condas.uv_version()
WHEELS = (condas.wheel("ray", "2.7.2", "ray"), condas.wheel("click", "8.1.8"))


class Host:
    """A user's home, and a server that has what a host needs."""

    def __init__(self, shell: str, home: Path, served: Path, site: Site) -> None:
        self.shell, self.home, self.served, self.site = shell, home, served, site
        home.mkdir()
        self.root = home / ".rayfab"
        self.store, self.env = self.root / ".store", self.root / "lab/envs/e"
        uv = self.root / ".uv" / UV / "uv"
        uv.parent.mkdir(parents=True)
        uv.symlink_to(condas.find_uv_bin())
        self.items = [self.serve("wheel", *one) for one in WHEELS]

    def serve(self, kind: str, name: str, data: bytes) -> Item:
        (self.served / name).write_bytes(data)
        return Item(kind, name, hashlib.sha256(data).hexdigest(), len(data), f"{self.site}/{name}")

    def script(self, items=None, *, python_path=PYTHON_PATH, **more):
        kit = kit_of(self.items if items is None else items, PYTHON, "uv")
        known = {"env_id": "e", "kit": kit, "items": kit.items, "uv_version": UV, "python_path": python_path}
        return uv_script(more.pop("of", samples.host()), "lab", **{**known, **more})

    def install(self, *args, path=SYSTEM_PATH, **more):
        return ask(self.script(*args, **more), self.shell, self.home, path=path)


@pytest.fixture(params=SHELLS)
def host(request, tmp_path):
    served = tmp_path / "served"
    served.mkdir()
    with serving(served) as site:
        yield Host(request.param, tmp_path / "home", served, site)


class TestInstall:
    def test_an_environment_is_made_once(self, host):
        answer = host.install()
        assert answer.ok, (answer.error, answer.texts)
        size = sum(item.size for item in host.items)
        assert answer.values == {"fetched": str(size), "changed": "1"}
        assert (host.env / "bin/ray").exists() and answer.stderr == ""
        assert (host.env / "requirements.lock").read_text() == kit_of(host.items, PYTHON, "uv").lock.text
        assert sorted(p.name for p in (host.root / "lab").iterdir()) == ["envs"]
        assert sorted(p.name for p in host.store.iterdir()) == sorted(item.file for item in host.items)
        asked = list(host.site.asked)
        assert host.install().values == {"changed": "0"}
        assert host.site.asked == asked

    def test_a_file_that_was_deleted(self, host):
        assert host.install().ok
        next(host.env.rglob("click.py")).unlink()
        answer = host.install()
        assert answer.values == {"fetched": "0", "changed": "1"}, "all is still in the store"
        assert list(host.env.rglob("click.py"))

    def test_a_package_that_its_user_removed(self, host):
        assert host.install().ok
        next(host.env.rglob("click.py")).unlink()
        shutil.rmtree(next(host.env.rglob("click-8.1.8.dist-info")))
        assert host.install().values == {"changed": "0"}
        # if Ray does not run without it, it is no longer the user's own affair
        stand_in(host.env / "bin", "ray", "exit 1")
        assert host.install().values["changed"] == "1"
        assert list(host.env.rglob("click.py"))

    def test_an_environment_of_an_older_deploy_has_no_list(self, host):
        assert host.install().ok
        (host.env / ".owners").unlink()
        assert host.install().values == {"changed": "0"}

    def test_an_incomplete_environment_is_made_again(self, host):
        (host.env / "bin").mkdir(parents=True)
        (host.env / "rest").write_text("")
        assert host.install().values["changed"] == "1"
        assert not (host.env / "rest").exists()

    def test_a_file_that_the_host_cannot_fetch_is_reported_before_anything_is_made(self, host):
        items = [replace(item, url="-") if "click" in item.file else item for item in host.items]
        answer = host.install(items=items)
        assert answer.ok and answer.all["missing"] == ["click-8.1.8-py3-none-any.whl"]
        assert "changed" not in answer.values and not (host.env / ".complete").exists()
        (host.store / host.items[1].file).write_bytes(WHEELS[1][1])
        assert host.install(items=items).values["changed"] == "1"

    def test_a_wrong_byte_in_the_store(self, host):
        assert host.install().ok
        (host.env / ".complete").unlink()
        shutil.rmtree(host.root / ".cache/uv")
        wheel = host.store / host.items[0].file
        data = wheel.read_bytes()
        wheel.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        answer = host.install()
        assert answer.error == "1 of the packages in the store were damaged"
        assert not wheel.exists() and not host.env.exists()
        assert host.install().values["changed"] == "1"

    def test_a_wrong_byte_from_the_server(self, host):
        path = host.served / host.items[0].file
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        answer = host.install()
        assert answer.all["missing"] == answer.all["wrong"] == [host.items[0].file]
        assert not (host.env / "bin/ray").exists()

    def test_uv_comes_from_its_wheel(self, host):
        shutil.rmtree(host.root / ".uv")
        items = [*host.items, host.serve("tool", *condas.uv_wheel())]
        assert host.install(items).values["changed"] == "1"
        assert [p.name for p in (host.root / ".uv" / UV).iterdir()] == ["uv"]

    def test_uv_comes_from_the_operators_machine(self, host):
        """An index may have no uv."""
        shutil.rmtree(host.root / ".uv")
        name = f"uv-{UV}-linux-64"
        items = [*host.items, host.serve("tool", name, Path(condas.find_uv_bin()).read_bytes())]
        assert host.install(items).values["changed"] == "1"

    def test_uv_that_does_not_run(self, host):
        shutil.rmtree(host.root / ".uv")
        items = [*host.items, host.serve("tool", f"uv-{UV}-linux-64", b"#!/bin/sh\nexit 1\n")]
        answer = host.install(items)
        assert answer.error.startswith(f"uv {UV} does not run here")
        assert answer.hint == "can programs run from " + str(host.root) + "? (mount option noexec)"

    def test_a_python_that_does_not_run(self, host):
        broken = stand_in(host.home, "python3.9", "echo no such library >&2; exit 1")
        answer = host.install(python_path=str(broken))
        assert answer.error.startswith(f"cannot make an environment with {broken}")
        assert answer.hint == f"look at: {broken} -V"

    def test_packages_without_ray(self, host):
        answer = host.install(host.items[1:])
        assert (answer.error, answer.hint) == ("the packages do not include ray", "add ray to uv.packages")

    def test_more_authorities_stay_for_the_programs_that_follow(self, host):
        """conda's solver fails if SSL_CERT_FILE names a file that is gone."""
        of = samples.host()
        of = of.model_copy(update={"mirrors": of.mirrors.model_copy(update={"ca": "lab.pem"})})
        (host.root / ".ca.pem").write_text("the lab's authority\n")
        assert host.install(of=of).values["changed"] == "1"
        assert (host.root / ".cache/ca-lab.pem").read_text().endswith("the lab's authority\n")

    def test_packages_are_installed_while_others_are_fetched(self, host):
        """The server keeps the last file back until the first is installed."""
        large = host.serve("wheel", *condas.wheel("click", "8.1.8", padding=6_000_000))
        late = host.items[0]

        def before(path):
            if path.endswith(late.file):
                until(lambda: list(host.env.rglob("click.txt")))

        host.site.before = before
        assert host.install([late, large]).values["changed"] == "1"
        assert host.site.asked
