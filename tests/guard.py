from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def no_real_cluster_of_that_name():
    """The scripts that run here are of a cluster `lab`: a real one on this machine must not be touched."""
    if Path("/etc/tmpfiles.d/rayfab-lab.conf").exists():
        pytest.skip("a cluster called lab lives on this machine")
    yield
    assert not Path("/etc/tmpfiles.d/rayfab-lab.conf").exists(), "a test has written into the system"
