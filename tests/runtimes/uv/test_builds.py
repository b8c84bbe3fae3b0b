"""Which build of Python a host gets, from where, and where its SHA-256 comes from."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile

import pytest
from uv import find_uv_bin

from tasks.runtimes.packages import Unavailable
from tasks.runtimes.packages.web import Web
from tasks.runtimes.uv import builds
from tests.runtimes.packages.server import serving
from tests.script import samples

LINUX, RELEASE = "x86_64-unknown-linux-gnu", "20990101"
# uv's own: the same in each of its releases that knows the build
BUILD = "20260211/cpython-3.12.12+20260211-{}-install_only_stripped.tar.gz"
SUMS = {
    "linux-64": (LINUX, "1dbaa624a09e15afe7efbdac08d42993135a68db8d34f986ef6977a6d77bdc3c"),
    "linux-aarch64": (
        "aarch64-unknown-linux-gnu",
        "85fdc64fe672de7337198a63d89918037bf93bdb03480404d90f8f601abef1dd",
    ),
    "osx-64": ("x86_64-apple-darwin", "a84ac7a36d465bc6eb68db84540fdb5da04333900e2c3cb34b5d454f2022048c"),
    "osx-arm64": ("aarch64-apple-darwin", "22625deaf5757e7c266cf1a096c9151a06b598b1e14632a2ec9993d58ec5fe84"),
}


def name(version: str, release: str = RELEASE, target: str = LINUX, end: str = "_stripped.tar.gz") -> str:
    return f"cpython-{version}+{release}-{target}-install_only{end}"


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.delenv("UV_PYTHON_INSTALL_MIRROR", raising=False)
    builds._page.cache_clear()
    folder = tmp_path / "site"
    folder.mkdir()
    with serving(folder) as url:
        yield url, folder


def put(folder, *files: str, listed: bool = True, sums: bool = True, escaped: str = "+") -> None:
    """A mirror with these files, as ``RELEASE/FILE``; each contains its own name."""
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(file)
    for release in {file.partition("/")[0] for file in files}:
        here = [p for p in (folder / release).iterdir() if p.name.startswith("cpython-")]
        if sums:
            lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in here]
            (folder / release / "SHA256SUMS").write_text("".join(lines))
        if listed:
            links = [p.name.replace("+", escaped) for p in here]
            (folder / release / "index.html").write_text("".join(f'<a href="{x}">{x}</a>\n' for x in links))
    if listed:
        links = [p.name for p in folder.iterdir() if p.is_dir()]
        (folder / "index.html").write_text("".join(f'<a href="{x}/">{x}/</a>\n' for x in links))


def host(mirror: str | None = None):
    found = samples.host()
    return found.model_copy(update={"mirrors": found.mirrors.model_copy(update={"python": mirror})})


def find(mirror: str | None, version: str = "3.12.12", platform: str = "linux-64"):
    return builds.find(host(mirror), version, platform, Web())


class TestWhatUvKnows:
    @pytest.mark.parametrize(("platform", "target", "sha256"), [(p, *more) for p, more in SUMS.items()])
    def test_the_sum_is_uvs_own_and_not_the_mirrors(self, site, platform, target, sha256):
        url, folder = site
        file = BUILD.format(target)
        put(folder, file)
        item = find(f"{url}/", platform=platform)
        assert (item.kind, item.file, item.sha256) == ("python", file.partition("/")[2], sha256)
        assert (item.url, item.size) == (f"{url}/{file.replace('+', '%2B')}", len(file))

    def test_uv_refuses_another_file_for_the_same_reason(self, site, tmp_path):
        """The stand-in for a mirror therefore has a release that uv does not know."""
        url, folder = site
        put(folder, BUILD.format(LINUX))
        with tarfile.open(folder / BUILD.format(LINUX), "w:gz"):
            pass
        env = {**os.environ, "UV_PYTHON_INSTALL_MIRROR": url, "UV_PYTHON_INSTALL_DIR": str(tmp_path / "p")}
        command = [find_uv_bin(), "python", "install", "--no-bin", "--no-config", "3.12.12"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode != 0 and SUMS["linux-64"][1] in done.stderr
        assert site[0].asked == [f"/{BUILD.format(LINUX).replace('+', '%2B')}"]

    def test_settings_of_the_user_do_not_change_it(self, monkeypatch, tmp_path):
        settings = {"DOWNLOADS": "never", "CACHE_DIR": str(tmp_path), "INSTALL_MIRROR": "http://127.0.0.1:9"}
        for key, value in settings.items():
            monkeypatch.setenv(f"UV_PYTHON_{key}", value)
        builds._of_uv.cache_clear()
        builds._sum_in_uv.cache_clear()
        build = builds._of_uv("linux-64")["3.12.12"]
        assert build.base.startswith("https://") and builds._sum_in_uv(build) == SUMS["linux-64"][1]

    @pytest.mark.parametrize("platform", ["linux-64", "linux-aarch64", "osx-64", "osx-arm64"])
    def test_each_can_be_unpacked_with_tar_and_gzip_and_runs_on_any_processor(self, platform):
        found = builds._of_uv(platform)
        assert len(found) > 50
        for version, build in found.items():
            assert build.file.startswith(f"cpython-{version}+") and build.file.endswith(".tar.gz")
            assert f"-{SUMS[platform][0]}-install_only" in build.file

    def test_windows_has_none(self):
        assert builds.known(host(), "win-64", Web()) == []

    def test_without_a_mirror_no_server_is_asked_for_versions(self, site):
        there = builds.known(host(), "linux-64", Web(proxy="http://127.0.0.1:9"))
        assert "3.12.12" in there and there == sorted(there, key=builds.parse, reverse=True)
        assert builds.newest("3.12", there).startswith("3.12.")
        assert builds.newest("3.12.12", there) == "3.12.12"
        assert builds.newest("3.1", there) is None
        assert builds.newest(None, there) == there[0]

    def test_where_the_makers_cannot_be_reached_the_ways_are_named(self, monkeypatch):
        monkeypatch.delenv("UV_PYTHON_INSTALL_MIRROR", raising=False)
        with pytest.raises(Unavailable) as caught:
            builds.find(host(), "3.12.12", "linux-64", Web(proxy="http://127.0.0.1:9"))
        assert "no build of Python can be fetched" in str(caught.value)
        assert "mirrors.python" in caught.value.hint and "fab bundle" in caught.value.hint


class TestMirrorWithOtherReleases:
    @pytest.mark.parametrize("escaped", ["+", "%2B", "&#43;"])
    def test_a_build_of_another_date_is_taken_with_the_sum_beside_it(self, site, escaped):
        url, folder = site
        put(
            folder,
            f"{RELEASE}/{name('3.12.12')}",
            f"{RELEASE}/{name('3.12.12', end='.tar.gz')}",
            escaped=escaped,
        )
        item = find(url)
        file = f"{RELEASE}/{name('3.12.12')}"
        assert (item.file, item.size) == (name("3.12.12"), len(file))
        assert item.sha256 == hashlib.sha256(file.encode()).hexdigest()

    def test_a_sum_in_a_file_of_its_own(self, site):
        url, folder = site
        file = f"{RELEASE}/{name('3.12.12')}"
        put(folder, file, sums=False)
        (folder / f"{file}.sha256").write_text("a" * 64 + "\n")
        assert find(url).sha256 == "a" * 64

    def test_a_build_without_a_sum_is_not_taken(self, site):
        url, folder = site
        put(folder, f"{RELEASE}/{name('3.12.12')}", sums=False)
        with pytest.raises(Unavailable, match=r"no SHA-256 is published for cpython-3\.12\.12") as caught:
            find(url)
        assert "SHA256SUMS" in caught.value.hint

    def test_versions_are_those_that_it_has(self, site):
        url, folder = site
        files = [f"{RELEASE}/{name(v)}" for v in ("3.12.99", "3.11.98")]
        other = f"{RELEASE}/{name('3.13.97', target='aarch64-unknown-linux-gnu')}"
        put(folder, *files, other, "20260211/" + name("3.12.12", "20260211"))
        known = builds.known(host(url), "linux-64", Web())
        assert known[:2] == ["3.12.99", "3.12.12"] and "3.11.98" in known
        assert "3.13.97" not in known and "3.13.0" not in known

    def test_a_version_that_it_lacks_is_refused_with_one_that_it_has(self, site):
        url, folder = site
        put(folder, f"{RELEASE}/{name('3.12.99')}", f"{RELEASE}/{name('3.13.98')}")
        with pytest.raises(Unavailable) as caught:
            find(url)
        assert str(caught.value) == f"there is no build of Python 3.12.12 for linux-64 in {url}"
        assert caught.value.hint.startswith('uv.python: "3.12.99" is there; or ')

    def test_a_mirror_without_pages_is_asked_for_uvs_own_build(self, site):
        url, folder = site
        put(folder, BUILD.format(LINUX), listed=False)
        assert "3.12.12" in builds.known(host(url), "linux-64", Web())
        assert find(url).sha256 == SUMS["linux-64"][1]
        with pytest.raises(Unavailable, match=r"there is no build of Python 3\.13\.0 for linux-64 in"):
            find(url, "3.13.0")

    def test_the_mirror_that_uv_is_set_to_counts_where_the_hosts_file_names_none(self, site, monkeypatch):
        url, folder = site
        put(folder, BUILD.format(LINUX))
        monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", url)
        assert find(None).url.startswith(url)

    def test_a_folder_of_this_machine(self, tmp_path, site):
        _, folder = site
        put(folder, f"{RELEASE}/{name('3.12.99')}", BUILD.format(LINUX), listed=False)
        (folder / RELEASE / "index.html").unlink(missing_ok=True)
        assert builds.known(host(folder.as_uri()), "linux-64", Web())[:2] == ["3.12.99", "3.12.12"]
        assert find(folder.as_uri(), "3.12.99").size == len(f"{RELEASE}/{name('3.12.99')}")
        assert find(folder.as_uri()).sha256 == SUMS["linux-64"][1]
