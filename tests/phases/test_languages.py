"""Each host gets its scripts in the language of its own system."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tasks.node import operations
from tasks.run.door import text_for
from tasks.run.stages import Listed
from tasks.script import powershell as windows
from tests.render import samples


@pytest.mark.parametrize("system", ["posix", "windows"])
def test_a_script_is_in_the_language_of_the_host(system):
    script = operations.stop_script("lab")
    node = Listed(samples.host()).reached(SimpleNamespace(system=system))
    assert text_for(node, script) == (windows.text_of(script) if system == "windows" else script.text)
