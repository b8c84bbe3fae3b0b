"""What the packages of jobs need in a node's environment."""

from __future__ import annotations

import pytest

from tasks.runtimes.packages import jobs


@pytest.mark.parametrize(
    ("ray", "python", "wanted"),
    [
        ("2.7.2", "3.7.16", ["pip"]),
        ("2.39.0", "3.12.1", ["pip"]),  # the last one without the plugin for uv
        ("2.40.0", "3.12.1", ["pip", "uv"]),
        ("2.60.0", "3.14.0", ["pip", "uv"]),
    ],
)
def test_pip_and_where_ray_knows_it_uv(ray, python, wanted):
    assert jobs.needed_by_jobs(ray, python) == wanted


def test_what_was_asked_for_is_not_asked_for_again():
    assert jobs.needed("2.60.0", "3.12.1", ["ray[default]", "uv <0.9"]) == ["pip"]
    assert jobs.needed("2.60.0", "3.12.1", ["pip==24.0"]) == ["uv"]
    assert jobs.needed("2.60.0", "3.12.1", ["ray"], has_pip=True) == ["uv"]
    assert jobs.needed("2.30.0", "3.11.2", []) == ["setuptools<81", "pip"]


def test_what_the_index_did_not_have():
    files = ["ray-2.60.0-cp312-cp312-manylinux2014_x86_64.whl", "pip-25.0-pyhd8ed1ab_0.conda"]
    assert jobs.lacking("2.60.0", "3.12.1", files) == ["uv"]
    assert jobs.lacking("2.7.2", "3.7.16", files) == []
    assert jobs.lacking("2.7.2", "3.7.16", []) == ["pip"]
