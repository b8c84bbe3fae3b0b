"""Channels: their addresses, their terms, and what a real solver finds in a real, small one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tasks.inventory import load
from tasks.runtimes.conda import channels
from tasks.runtimes.packages import Unavailable
from tasks.runtimes.packages.web import Web
from tests.runtimes.conda import channel
from tests.runtimes.packages.server import serving


def host(tmp_path, conda="{}", mirrors="{}"):
    file = tmp_path / "hosts.yml"
    file.write_text(f"runtime: conda\nconda: {conda}\nmirrors: {mirrors}\nhead: {{host: 10.0.0.1}}\n")
    return load(file).head


@pytest.mark.parametrize(
    ("named", "mirror", "found"),
    [
        ("defaults", None, ["https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r"]),
        ("conda-forge", None, ["https://conda.anaconda.org/conda-forge"]),
        ("main", None, ["https://repo.anaconda.com/pkgs/main"]),
        (
            "defaults",
            "https://mirror.example/anaconda",
            ["https://mirror.example/anaconda/pkgs/main", "https://mirror.example/anaconda/pkgs/r"],
        ),
        (
            "defaults",
            "https://mirror.example/anaconda/pkgs/",
            ["https://mirror.example/anaconda/pkgs/main", "https://mirror.example/anaconda/pkgs/r"],
        ),
        (
            "conda-forge",
            "https://mirror.example/anaconda/pkgs",
            ["https://mirror.example/anaconda/cloud/conda-forge"],
        ),
        ("https://own.example/channel/", "https://mirror.example", ["https://own.example/channel"]),
    ],
)
def test_a_channel_name_becomes_addresses(tmp_path, named, mirror, found):
    mirrors = f"{{conda: '{mirror}'}}" if mirror else "{}"
    assert channels.urls(host(tmp_path, f"{{channels: ['{named}']}}", mirrors), "linux-64") == found


def test_windows_has_one_more(tmp_path):
    assert channels.urls(host(tmp_path), "win-64")[-1] == "https://repo.anaconda.com/pkgs/msys2"


@pytest.mark.parametrize(
    ("named", "wanted"),
    [
        (["defaults"], ["defaults"]),
        (["conda-forge", "main"], ["main"]),
        (["https://repo.anaconda.com/pkgs/r"], ["https://repo.anaconda.com/pkgs/r"]),
        (["https://mirror.example/anaconda/pkgs/main/"], ["https://mirror.example/anaconda/pkgs/main/"]),
        (["conda-forge", "https://own.example/main-things"], []),
    ],
)
def test_only_channels_of_anaconda_have_terms(tmp_path, named, wanted):
    assert channels.with_terms(host(tmp_path, f"{{channels: {named}}}")) == wanted


def test_a_channel_that_publishes_terms_is_asked(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "one" / "terms.json").write_text('{"version": "2026-01-01T00:00:00Z", "text": "..."}')
    with serving(tmp_path) as url:
        assert channels.ask_terms(Web(), [f"{url}/one", f"{url}/two"]) == [f"{url}/one"]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    return channel.make(tmp_path_factory.mktemp("channel"), ["3.7.6", "3.7.16", "3.8.18", "3.11.5"])


class TestSolve:
    def test_gives_every_file_with_its_sum(self, url):
        version, items = channels.solve([url], "linux-64", "3.7.16")
        assert version == "3.7.16"
        assert [i.file for i in items] == [
            "small-1.0-0.tar.bz2",
            "python-3.7.16-0.tar.bz2",
            "pip-24.0-0.tar.bz2",
        ]
        for item in items:
            data = Path(urlsplit(item.url).path).read_bytes()
            assert (item.kind, item.size) == ("conda", len(data))
            assert item.sha256 == hashlib.sha256(data).hexdigest()

    def test_a_version_without_its_patch_is_the_newest(self, url):
        assert channels.solve([url], "linux-64", "3.7")[0] == "3.7.16"

    def test_names_the_nearest_that_are_there(self, url):
        with pytest.raises(Unavailable) as told:
            channels.solve([url], "linux-64", "3.7.7")
        assert "Python 3.7.7 is not available for linux-64" in str(told.value)
        assert str(told.value).endswith("the nearest available: 3.7.6, 3.7.16, 3.8.18, 3.11.5")

    def test_a_system_without_any_python(self, url):
        with pytest.raises(Unavailable, match="there is no Python for osx-arm64"):
            channels.solve([url], "osx-arm64", "3.7.7")

    def test_a_channel_that_is_not_there(self, tmp_path):
        with serving(tmp_path) as url, pytest.raises(Unavailable, match=r"cannot be read|there is no Python"):
            channels.solve([f"{url}/nothing"], "linux-64", "3.7.7")


@pytest.mark.parametrize(
    ("wanted", "have", "near"),
    [
        ("3.7.7", ["3.7.6", "3.7.8", "3.12.1", "2.7.18"], ["2.7.18", "3.7.6", "3.7.8", "3.12.1"]),
        ("3.7", ["3.8.20", "3.9.1", "3.9.2", "3.10.1", "3.11.1", "3.12.1", "3.13.1"], None),
    ],
)
def test_the_nearest_versions_are_named(wanted, have, near):
    found = channels.nearest(wanted, have)
    assert found == near if near else "3.8.20" in found and "3.13.1" not in found
