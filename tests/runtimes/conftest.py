import pytest

from tests.guard import no_real_cluster_of_that_name  # noqa: F401


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Downloads of a test stay in its folder."""
    monkeypatch.setenv("RAYFAB_CACHE", str(tmp_path / "download-cache"))
