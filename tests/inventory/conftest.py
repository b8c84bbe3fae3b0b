from pathlib import Path

import pytest

from tasks.inventory import load


@pytest.fixture
def hosts_file(tmp_path):
    """Writes a hosts file and returns its path."""

    def write(text: str, name: str = "hosts.yml") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return write


@pytest.fixture
def cluster(hosts_file):
    """Loads the cluster that a text describes."""
    return lambda text: load(hosts_file(text))
