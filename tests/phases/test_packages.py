"""The resolver on this machine: what it is asked, and what is said where it finds nothing."""

from __future__ import annotations

import io
import os
import shlex

import pytest

from tasks.report.console import Console
from tasks.run.failures import Stop
from tasks.runtimes.uv.steps import resolve as packages
from tasks.runtimes.uv.steps.resolve import compile_lock, uv_binary_for
from tests.script import samples

LOCK = "aiohttp==3.9.0\nclick==8.1.8\nray[default]==2.52.0\n"


@pytest.fixture
def uv(tmp_path, monkeypatch):
    """Puts a shell script in uv's place; each call leaves its arguments and input in the folder."""

    def put(body: str) -> None:
        path = tmp_path / "uv"
        path.write_text(f"#!/bin/sh\ncd {shlex.quote(str(tmp_path))}\nprintf '%s\\n' \"$@\" >args\n{body}\n")
        path.chmod(0o755)

    monkeypatch.setattr(packages, "find_uv_bin", lambda: str(tmp_path / "uv"))
    for name in ("UV_DEFAULT_INDEX", "UV_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    put(f"cat >input; printf %s {shlex.quote(LOCK)}")
    put.folder = tmp_path
    return put


@pytest.fixture
def console():
    return Console(io.StringIO())


def compiled(console, host=None, ray=None, python="3.11.2", platform="x86_64-manylinux_2_36"):
    return compile_lock(console, host or samples.host(), python, platform, ray)


class TestResolving:
    def test_is_for_the_hosts_python_and_platform(self, uv, console):
        assert compiled(console) == LOCK
        args = (uv.folder / "args").read_text().splitlines()
        assert args[args.index("--python-version") + 1] == "3.11.2"
        assert args[args.index("--python-platform") + 1] == "x86_64-manylinux_2_36"
        assert (uv.folder / "input").read_text() == "ray[default]"

    def test_is_for_one_ray_where_it_is_known(self, uv, console):
        compiled(console, ray="2.52.0")
        assert (uv.folder / "input").read_text() == "ray[default]\nray==2.52.0"

    def test_reports_what_it_found(self, uv, console):
        compiled(console)
        out = console.rich.file.getvalue()
        assert out.startswith("✓ Resolve versions  Ray 2.52.0 and 2 packages, Python 3.11.2, ")

    def test_asks_the_mirror(self, uv, console):
        uv('printf %s "${UV_DEFAULT_INDEX-}" >index; cat >/dev/null')
        compiled(console)
        assert (uv.folder / "index").read_text() == ""
        host = samples.host()
        mirrors = host.mirrors.model_copy(update={"pypi": "https://mirror.lab/simple"})
        compiled(console, host.model_copy(update={"mirrors": mirrors}))
        assert (uv.folder / "index").read_text() == "https://mirror.lab/simple"

    @pytest.mark.parametrize(
        ("stderr", "message", "hint"),
        [
            (
                "  × No solution found when resolving dependencies:\n  ╰─▶ Because ray==9 has no wheels\n",
                "no set of packages fits {what}: No solution found when resolving dependencies: "
                "Because ray==9 has no wheels",
                "choose another ray.version, uv.python or uv.packages",
            ),
            (
                "error: Failed to fetch: `https://pypi.org/simple/ray/`\n  Caused by: dns error\n",
                "the versions for {what} cannot be chosen: "
                "error: Failed to fetch: `https://pypi.org/simple/ray/` Caused by: dns error",
                "is the package index reachable from here? mirrors.pypi names another one",
            ),
            (
                "error: Failed to initialize cache at `/c`\n  Caused by: No space left on device (os error 28)\n",
                "uv cannot work on this machine: error: Failed to initialize cache at `/c` "
                "Caused by: No space left on device (os error 28)",
                "free some space, or name a folder in UV_CACHE_DIR",
            ),
        ],
        ids=["no solution", "no network", "no space"],
    )
    def test_that_fails_reports_why_in_one_line(self, uv, console, stderr, message, hint):
        uv(f"cat >/dev/null; printf %s {shlex.quote(stderr)} >&2; exit 1")
        with pytest.raises(Stop) as stopped:
            compiled(console)
        assert str(stopped.value) == message.format(what="Python 3.11.2 on x86_64-manylinux_2_36")
        assert stopped.value.hint == hint

    def test_that_takes_too_long_ends(self, uv, console, monkeypatch):
        monkeypatch.setattr(packages, "TIMEOUT", 0.2)
        uv("exec sleep 60")
        with pytest.raises(Stop, match="the package index did not answer in time"):
            compiled(console)


class TestUvForAHost:
    def here(self, **more):
        machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(os.uname().machine, os.uname().machine)
        return samples.facts(system=os.uname().sysname, **{"arch": machine, **more})

    def test_like_this_machine_is_this_machine_s(self, uv, tmp_path):
        assert uv_binary_for(samples.host(), self.here(), tmp_path) == tmp_path / "uv"

    def test_of_another_kind_is_fetched_for_it(self, uv, tmp_path):
        uv('target=$(sed -n "/^--target/{n;p;}" args); mkdir -p "$target/bin"; : >"$target/bin/uv"')
        found = uv_binary_for(samples.host(), self.here(arch="riscv64"), tmp_path)
        assert found.exists()
        args = (tmp_path / "args").read_text().splitlines()
        assert args[args.index("--python-platform") + 1] == "riscv64-manylinux_2_36"
        assert f"uv=={packages.uv_version()}" in args

    @pytest.mark.parametrize("body", ["exit 1", "exit 0"], ids=["failed", "nothing came"])
    def test_of_another_kind_that_cannot_be_fetched(self, uv, tmp_path, body):
        uv(body)
        with pytest.raises(Stop, match=r"cannot fetch uv for .* on riscv64") as stopped:
            uv_binary_for(samples.host(), self.here(arch="riscv64"), tmp_path)
        assert stopped.value.hint == "install uv on that host by hand"
