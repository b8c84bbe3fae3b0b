"""uv or pip: whichever knows the user's package index; what is said meanwhile, and of a failure."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from tasks.environment import Failed
from tasks.environment.installer import Installer
from tests.environment.wheel import write_wheel


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

    def test_settings_that_uv_knows_are_handed_to_it(self, install, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", f"{Path(find_uv_bin()).parent}:{os.environ['PATH']}")
        monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path}/empty {tmp_path}/wheels")
        (tmp_path / "empty").mkdir()
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("UV_SYSTEM_PYTHON", "1")
        monkeypatch.setenv("PIP_CONSTRAINT", str(tmp_path / "constraints.txt"))
        (tmp_path / "constraints.txt").write_text("smallthing<2\n")
        target = install[0]()
        assert (target / "smallthing/__init__.py").exists()
        assert "Installed 1 package" in (tmp_path / "pip.log").read_text()

    def test_settings_that_only_pip_knows_are_followed_by_pip(self, install, tmp_path, monkeypatch):
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
        monkeypatch.setenv("PIP_PREFER_BINARY", "1")
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
