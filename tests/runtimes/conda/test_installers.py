"""Which installer a system gets, and where its SHA-256 comes from."""

from __future__ import annotations

import hashlib
import re

import pytest

from tasks.inventory import load
from tasks.runtimes.conda import installers
from tasks.runtimes.packages import Unavailable
from tasks.runtimes.packages.web import Web
from tests.runtimes.packages.server import serving

NEWEST = "Miniconda3-py313_25.11.1-1-Linux-x86_64.sh"
OLD, NEW, OTHER = "1" * 64, "2" * 64, "3" * 64
ROW = '<tr><td><a href="{0}">{0}</a></td><td class="s">70.1M</td><td>2026-01-01</td><td>{1}</td></tr>\n'
PAGE = "<table>" + "".join(
    ROW.format(name, sha)
    for name, sha in (
        ("Miniconda3-latest-Linux-x86_64.sh", NEW),
        ("Miniconda3-py39_4.12.0-Linux-x86_64.sh", OLD),
        ("Miniconda3-py313_25.11.1-1-Linux-x86_64.sh", NEW),
        ("Miniconda3-py312_25.11.1-1-Linux-x86_64.sh", OTHER),
        ("Miniconda3-py313_25.9.1-3-Linux-x86_64.sh", OTHER),
        ("Miniconda3-py313_25.11.1-1-Linux-aarch64.sh", OTHER),
        ("Miniconda3-py313_25.11.1-1-MacOSX-arm64.sh", OTHER),
        ("Miniconda3-py313_25.11.1-1-Windows-x86_64.exe", OTHER),
    )
)


def host(tmp_path, conda="{}", mirrors="{}"):
    file = tmp_path / "hosts.yml"
    file.write_text(f"runtime: conda\nconda: {conda}\nmirrors: {mirrors}\nhead: {{host: 10.0.0.1}}\n")
    return load(file).head


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    with serving(folder) as url:
        yield url, folder


def of_mirror(tmp_path, url, platform="linux-64", kind="miniconda"):
    return installers.installer(
        host(tmp_path, f"{{installer: {kind}}}", f"{{{kind}: '{url}'}}"), platform, Web()
    )


@pytest.mark.parametrize(
    ("platform", "name", "sha256"),
    [
        ("linux-64", "Miniconda3-py313_25.11.1-1-Linux-x86_64.sh", NEW),
        ("linux-aarch64", "Miniconda3-py313_25.11.1-1-Linux-aarch64.sh", OTHER),
        ("osx-arm64", "Miniconda3-py313_25.11.1-1-MacOSX-arm64.sh", OTHER),
        ("win-64", "Miniconda3-py313_25.11.1-1-Windows-x86_64.exe", OTHER),
    ],
)
def test_the_newest_for_the_system(tmp_path, site, platform, name, sha256):
    url, folder = site
    (folder / "index.html").write_text(PAGE)
    (folder / name).write_bytes(b"12345")
    found = of_mirror(tmp_path, url, platform)
    assert (found.file, found.sha256, found.size, found.url) == (name, sha256, 5, f"{url}/{name}")


def test_a_mirror_that_tells_no_sums_is_measured_by_its_makers(tmp_path, site, monkeypatch):
    url, folder = site
    (folder / "mirror").mkdir()
    (folder / "vendor").mkdir()
    (folder / "mirror" / "index.html").write_text(re.sub("[0-9a-f]{64}", "", PAGE))
    (folder / "mirror" / NEWEST).write_bytes(b"12345")
    (folder / "vendor" / "index.html").write_text(PAGE)
    monkeypatch.setattr(installers, "MINICONDA", f"{url}/vendor/")
    assert of_mirror(tmp_path, f"{url}/mirror").sha256 == NEW
    monkeypatch.setattr(installers, "MINICONDA", f"{url}/nothing/")
    with pytest.raises(
        Unavailable, match=r"no SHA-256 is published for Miniconda3-py313_25\.11\.1-1-Linux"
    ) as told:
        of_mirror(tmp_path, f"{url}/mirror")
    assert "conda.installer_sha256" in told.value.hint


def test_a_sum_beside_the_file(tmp_path, site):
    url, folder = site
    (folder / "index.html").write_text(re.sub("[0-9a-f]{64}", "", PAGE))
    (folder / NEWEST).write_bytes(b"12345")
    (folder / f"{NEWEST}.sha256").write_text(f"{NEW}  {NEWEST}\n")
    assert of_mirror(tmp_path, url).sha256 == NEW


def test_miniforge_is_found_with_its_sum(tmp_path, site):
    url, folder = site
    (folder / "Miniforge3-MacOSX-arm64.sh").write_bytes(b"12345")
    (folder / "Miniforge3-MacOSX-arm64.sh.sha256").write_text(f"{NEW}  ./Miniforge3-MacOSX-arm64.sh\n")
    found = of_mirror(tmp_path, url, "osx-arm64", kind="miniforge")
    assert (found.file, found.sha256) == ("Miniforge3-MacOSX-arm64.sh", NEW)


def test_a_folder_without_any(tmp_path, site):
    with pytest.raises(Unavailable, match="there is no Miniconda for linux-64 in http://127"):
        of_mirror(tmp_path, site[0])


class TestOwn:
    def test_a_file_of_this_machine(self, tmp_path):
        (tmp_path / "M.sh").write_bytes(b"#!/bin/sh\n")
        sha256 = hashlib.sha256(b"#!/bin/sh\n").hexdigest()
        text = f"{{installer: ./M.sh, installer_sha256: '{sha256}'}}"
        found = installers.installer(host(tmp_path, text), "linux-64", Web())
        assert (found.file, found.sha256, found.size) == ("M.sh", sha256, 10)
        assert found.url == (tmp_path / "M.sh").as_uri()

    def test_another_one_than_it_should_be(self, tmp_path):
        (tmp_path / "M.sh").write_bytes(b"#!/bin/sh\n")
        text = f"{{installer: ./M.sh, installer_sha256: '{OLD}'}}"
        with pytest.raises(Unavailable, match="has another SHA-256") as told:
            installers.installer(host(tmp_path, text), "linux-64", Web())
        assert told.value.code == 2

    def test_one_that_is_not_there(self, tmp_path):
        text = f"{{installer: ./M.sh, installer_sha256: '{OLD}'}}"
        with pytest.raises(Unavailable, match=r"there is no file .*M\.sh"):
            installers.installer(host(tmp_path, text), "linux-64", Web())
