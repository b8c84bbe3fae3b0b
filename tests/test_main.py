"""What the process itself does, before and beside its tasks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[1]

LOSES_IT = """
import sys, time
from tasks.__main__ import deliver_again
sys.unraisablehook = deliver_again
class Gone:
    def __del__(self):
        raise {error}
Gone()
time.sleep({rest})
"""


def ended(error: str, rest: int) -> subprocess.CompletedProcess:
    program = LOSES_IT.format(error=error, rest=rest)
    return subprocess.run(
        [sys.executable, "-c", program], cwd=TOP, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_ctrl_c_that_python_would_only_print_ends_the_program():
    """As in a callback of the import system, which cannot raise."""
    done = ended("KeyboardInterrupt", rest=20)
    assert done.returncode != 0
    assert "Exception ignored" not in done.stderr


def test_any_other_mistake_of_a_callback_is_still_shown():
    done = ended("ValueError('spoilt')", rest=0)
    assert done.returncode == 0
    assert "spoilt" in done.stderr
