"""What the user of an environment has changed in it, and what a repair does to the node that runs from it."""

from __future__ import annotations

from tasks.runtimes.packages import environments
from tests.script import samples

SITE = "lib/python3.11/site-packages"


def changes(*lines: str) -> list[str]:
    return environments.package_changes(lines)


class TestPackageChanges:
    def test_pip_s_records(self):
        lines = (
            f"- {SITE}/pip-22.3.1.dist-info/METADATA",
            f"+ {SITE}/pip-24.0.dist-info/METADATA",
            f"+ {SITE}/typing_extensions-4.9.0.dist-info/METADATA",
            f"- {SITE}/six-1.16.0-py3.11.egg-info",
            f"+ {SITE}/old-1.0.egg-info/PKG-INFO",
        )
        assert changes(*lines) == [
            "old 1.0 added",
            "pip 22.3.1 -> 24.0",
            "six 1.16.0 removed",
            "typing-extensions 4.9.0 added",
        ]

    def test_a_package_that_conda_and_pip_both_record_is_named_once(self):
        lines = (
            "+ conda-meta/ruamel.yaml-0.18.6-py311_0.json",
            f"+ {SITE}/ruamel.yaml-0.18.6.dist-info/METADATA",
        )
        assert changes(*lines) == ["ruamel-yaml 0.18.6 added"]

    def test_another_build_of_the_same_version_is_none(self):
        assert changes("- conda-meta/openssl-3.0.13-h1_0.json", "+ conda-meta/openssl-3.0.13-h2_1.json") == []

    def test_what_names_no_package_is_none(self):
        assert changes("", "+ conda-meta/state.json", "? x", f"+ {SITE}/x.egg-info") == []


def test_they_are_a_note():
    line = f"+ {SITE}/emoji-2.0.dist-info/METADATA"
    assert list(environments.notes(samples.subject(env_changes=()))) == []
    assert list(environments.notes(samples.subject(env_changes=(line,)))) == [
        (
            "packages of Ray's environment were changed by hand: emoji 2.0 added",
            "they stay; uv.packages lists what all hosts should have",
        )
    ]
