"""The words that ``state:`` takes are the ones that ``fab status`` gives."""

import ast
from pathlib import Path

from tasks.inventory.selection import STATES
from tasks.node import hold
from tasks.run import node_state

GIVEN_TO_OTHERS = {"stranger"}  # nodes that the hosts file does not list, which nothing selects


def words_in(function: ast.FunctionDef) -> set[str]:
    """The first part of each pair that the function returns."""
    pairs = [
        one for one in ast.walk(function) if isinstance(one, ast.Return) and isinstance(one.value, ast.Tuple)
    ]
    firsts = [part for one in pairs for part in ast.walk(one.value.elts[0])]
    named = {part.id for part in firsts if isinstance(part, ast.Name) and part.id.isupper()}
    return {getattr(node_state, name) for name in named} | {
        part.value for part in firsts if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def test_each_word_of_status_can_be_selected_and_there_is_no_other():
    tree = ast.parse(Path(node_state.__file__).read_text("utf-8"))
    given = set().union(*(words_in(one) for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)))
    given |= {hold.DRAIN, hold.MAINTENANCE, hold.RESTART}
    assert "running" in given and "partitioned" in given
    assert given - GIVEN_TO_OTHERS - {"activating"} == set(STATES) - {"alive", "down"}
