"""What all tests share: nothing of how the suite itself was called gets into what it tests."""

import pytest


@pytest.fixture(autouse=True)
def called_as_fab(monkeypatch):
    """`./fab test` tells its children that they were called ./fab; texts are compared as `fab` says them."""
    monkeypatch.delenv("RAYFAB_PROGRAM", raising=False)
    monkeypatch.delenv("RAY_HOSTS_FILE", raising=False)
