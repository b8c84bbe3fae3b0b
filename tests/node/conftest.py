"""Fixtures of this folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.guard import no_real_cluster_of_that_name  # noqa: F401


@pytest.fixture(scope="session")
def promtool(tmp_path_factory) -> Path:
    """Prometheus' own checker: this machine's, or that of Debian's package, which is not installed for it."""
    if found := shutil.which("promtool"):
        return Path(found)
    folder = tmp_path_factory.mktemp("promtool")
    if shutil.which("apt-get") and shutil.which("dpkg"):
        subprocess.run(["apt-get", "download", "prometheus"], cwd=folder, capture_output=True)
        for package in folder.glob("prometheus_*.deb"):
            subprocess.run(["dpkg", "-x", package, folder], check=True)
            return folder / "usr/bin/promtool"
    (pytest.fail if os.environ.get("CI") else pytest.skip)(
        "there is no promtool, and no Debian package of it"
    )
