"""Each host gets its scripts in the language of its own system."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tasks.node import operations
from tasks.run.run import Node
from tasks.script import powershell as windows
from tests.render import samples


@pytest.mark.parametrize("system", ["posix", "windows"])
def test_a_script_is_in_the_language_of_the_host(system):
    script = operations.stop_script("lab")
    node = Node(samples.host(), connection=SimpleNamespace(system=system))
    assert node.text_of(script) == (windows.text_of(script) if system == "windows" else script.text)


def test_without_a_connection_it_is_sh():
    script = operations.stop_script("lab")
    assert Node(samples.host()).text_of(script) == script.text
