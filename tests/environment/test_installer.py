"""uv or pip: whichever knows the user's package index."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tasks.environment import Failed, installer
from tasks.environment.installer import Installer, pip_is_configured
from tests.environment.wheel import write_wheel


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine on which nobody configured pip."""
    monkeypatch.setattr(installer, "SYSTEM_FILES", (tmp_path / "etc/pip.conf",))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    return {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": "/nonexistent"}


def test_nothing_is_configured(machine):
    assert not pip_is_configured(machine)


@pytest.mark.parametrize(
    "name", ["INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "PROXY", "CERT", "TRUSTED_HOST"]
)
def test_by_its_environment(machine, name):
    assert pip_is_configured({**machine, f"PIP_{name}": "x"})
    assert not pip_is_configured({**machine, f"PIP_{name}": ""})


@pytest.mark.parametrize("name", ["USER", "NO_CACHE_DIR", "BREAK_SYSTEM_PACKAGES", "ROOT_USER_ACTION"])
def test_what_says_nothing_about_the_index_does_not_count(machine, name):
    assert not pip_is_configured({**machine, f"PIP_{name}": "1"})


@pytest.mark.parametrize(
    "place",
    [
        "etc/pip.conf",
        "prefix/pip.conf",
        ".pip/pip.conf",
        ".config/pip/pip.conf",
        "Library/Application Support/pip/pip.conf",
    ],
)
def test_by_a_file(machine, tmp_path, place):
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.write_text("[global]\n# index-url = x\n")
    assert not pip_is_configured(machine)
    file.write_text("[global]\nindex-url = https://mirror/simple\n")
    assert pip_is_configured(machine)
    assert not pip_is_configured({**machine, "PIP_CONFIG_FILE": os.devnull})


def test_xdg_folders_count(machine, tmp_path):
    (tmp_path / "x/pip").mkdir(parents=True)
    (tmp_path / "x/pip/pip.conf").write_text("[global]\nproxy = http://p\n")
    assert pip_is_configured({**machine, "XDG_CONFIG_HOME": str(tmp_path / "x")})
    assert pip_is_configured({**machine, "XDG_CONFIG_DIRS": f"/nonexistent:{tmp_path}/x"})


class TestInstall:
    @pytest.fixture
    def install(self, tmp_path, monkeypatch):
        """Installs a small package, which only pip's settings lead to; what was said, and the log."""
        for name in [n for n in os.environ if n.startswith("PIP_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
        monkeypatch.setenv("TRACE", str(tmp_path / "uv-was-called"))
        (tmp_path / "bin").mkdir()
        uv = tmp_path / "bin/uv"
        uv.write_text('#!/bin/sh\necho "$@" >"$TRACE"\necho "error: broken" >&2\nexit 2\n')
        uv.chmod(0o755)
        (tmp_path / "scratch").mkdir()
        write_wheel(tmp_path / "wheels", "smallthing", "1.0")
        requirements = tmp_path / "requirements-x.txt"
        requirements.write_text("smallthing==1.0\n")
        said: list[str] = []

        def install():
            target = tmp_path / "target"
            Installer(Path(sys.executable), tmp_path / "scratch", tmp_path / "pip.log", said.append).install(
                requirements, target
            )
            return target

        return install, said

    def test_settings_of_pip_are_followed_by_pip(self, install, tmp_path, monkeypatch):
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
        target = install[0]()
        assert (target / "smallthing/__init__.py").exists()
        assert not (tmp_path / "uv-was-called").exists()
        assert "installing 1 package" in install[1]

    def test_where_uv_fails_pip_tries(self, install, tmp_path, monkeypatch):
        requirements = tmp_path / "requirements-x.txt"
        requirements.write_text(f"{tmp_path}/wheels/smallthing-1.0-py3-none-any.whl\n")
        target = install[0]()
        assert (target / "smallthing/__init__.py").exists()
        assert (tmp_path / "uv-was-called").read_text().startswith("pip install --python ")
        assert "uv could not install them, trying pip" in install[1]

    def test_a_failure_names_the_file_the_reason_and_the_log(self, install, tmp_path, monkeypatch):
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        with pytest.raises(Failed) as failed:
            install[0]()
        assert str(failed.value).startswith("the packages of requirements-x.txt could not be installed: ")
        assert failed.value.hint.endswith(f"; more in {tmp_path}/pip.log")
        assert "smallthing" in (tmp_path / "pip.log").read_text()
