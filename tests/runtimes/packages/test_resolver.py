"""The resolver on this machine: what it is asked, and what is said where it finds nothing."""

from __future__ import annotations

import os
import shlex

import pytest

from tasks.node.platforms import conda_name
from tasks.runtimes.packages import Unavailable, pypi
from tests.script import samples

AT, SUM = "https://mirror.lab", "a" * 64
SUMS = f'hashes = {{ sha256 = "{SUM}" }}'
LOCK = f"""\
lock-version = "1.0"
[[packages]]
name = "ray"
version = "2.52.0"
wheels = [{{ url = "{AT}/ray-2.52.0-cp311-cp311-manylinux2014_x86_64.whl", size = 7, {SUMS} }}]
[[packages]]
name = "click"
version = "8.1.8"
wheels = [{{ url = "{AT}/click-8.1.8-py3-none-any.whl", size = 5, {SUMS} }}]
"""
JOBS = ["pip", "uv"]  # what jobs need
FOR = {"python": "3.11.2", "platform": "linux-64", "glibc": "2.36"}


@pytest.fixture
def uv(tmp_path, monkeypatch):
    """Puts a shell script in uv's place; each call leaves its arguments and input in the folder."""

    def put(body: str) -> None:
        path = tmp_path / "uv"
        path.write_text(f"#!/bin/sh\ncd {shlex.quote(str(tmp_path))}\nprintf '%s\\n' \"$@\" >args\n{body}\n")
        path.chmod(0o755)

    monkeypatch.setattr(pypi, "find_uv_bin", lambda: str(tmp_path / "uv"))
    for name in ("UV_DEFAULT_INDEX", "UV_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    put(f'cat >input; for last; do :; done; printf %s {shlex.quote(LOCK)} >"$last"')
    put.folder = tmp_path
    return put


def choose(host=None, ray=None, packages=("ray[default]",)):
    return pypi.choose(host or samples.host(), packages, "uv", ray=ray, **FOR)


class TestResolving:
    def test_is_for_the_hosts_python_and_platform(self, uv):
        ray, items = choose()
        assert ray == "2.52.0"
        assert [item.file.split("-")[0] for item in items] == ["ray", "click"]
        assert {item.sha256 for item in items} == {SUM} and [item.size for item in items] == [7, 5]
        args = (uv.folder / "args").read_text().splitlines()
        assert args[args.index("--python-version") + 1] == "3.11.2"
        assert args[args.index("--python-platform") + 1] == "x86_64-manylinux_2_36"
        assert (uv.folder / "input").read_text().splitlines() == ["ray[default]", *JOBS]

    def test_is_for_one_ray_where_it_is_known(self, uv):
        choose(ray="2.52.0")
        assert (uv.folder / "input").read_text().splitlines() == ["ray[default]", "ray==2.52.0", *JOBS]

    def test_an_old_ray_gets_what_it_does_not_ask_for(self, uv):
        uv(
            f'cat >input; for last; do :; done; printf %s {shlex.quote(LOCK.replace("2.52.0", "2.30.0"))} >"$last"'
        )
        choose()
        asked = (uv.folder / "input").read_text().splitlines()
        assert asked == ["ray[default]", "ray==2.30.0", "setuptools<81", "pip"]

    def test_asks_the_mirror(self, uv):
        uv(
            'printf %s "${UV_DEFAULT_INDEX-}" >index; cat >/dev/null; for last; do :; done; '
            f'printf %s {shlex.quote(LOCK)} >"$last"'
        )
        choose()
        assert (uv.folder / "index").read_text() == ""
        host = samples.host()
        mirrors = host.mirrors.model_copy(update={"pypi": "https://mirror.lab/simple"})
        choose(host.model_copy(update={"mirrors": mirrors}))
        assert (uv.folder / "index").read_text() == "https://mirror.lab/simple"

    def test_packages_without_ray(self, uv):
        uv(
            f'cat >input; for last; do :; done; printf %s {shlex.quote(LOCK.replace("ray", "numpy"))} >"$last"'
        )
        with pytest.raises(Unavailable, match="the packages do not include ray") as stopped:
            choose()
        assert (stopped.value.hint, stopped.value.code) == ("add ray to uv.packages", 2)

    def test_a_package_whose_sum_the_index_does_not_publish(self, uv):
        uv(
            f'cat >input; for last; do :; done; printf %s {shlex.quote(LOCK.replace("sha256 =", "md5 ="))} >"$last"'
        )
        with pytest.raises(Unavailable, match="does not publish the SHA-256 of ray"):
            choose()

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
    def test_that_fails_reports_why_in_one_line(self, uv, stderr, message, hint):
        uv(f"cat >/dev/null; printf %s {shlex.quote(stderr)} >&2; exit 1")
        with pytest.raises(Unavailable) as stopped:
            choose()
        assert str(stopped.value) == message.format(what="Python 3.11.2 on linux-64")
        assert stopped.value.hint == hint

    def test_that_takes_too_long_ends(self, uv, monkeypatch):
        monkeypatch.setattr(pypi, "TIMEOUT", 0.2)
        uv("exec sleep 60")
        with pytest.raises(Unavailable, match="the package index did not answer in time"):
            choose()


class TestUvOfThisMachine:
    """It serves hosts like this machine, if the index has no uv."""

    def test_is_for_hosts_like_this_machine(self):
        own = pypi.own_uv(conda_name(os.uname().sysname, os.uname().machine))
        assert own.url.startswith("file://") and not own.file.endswith(".whl") and own.size > 1_000_000

    def test_is_for_no_others(self):
        assert pypi.own_uv("win-64") is None
