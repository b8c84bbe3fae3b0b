"""Which way the arrows run: read from the source, so that an import inside a function counts too."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent

# a layer -> the layers that it may import, besides itself. A layer is a package of tasks/; what a runtime adds to an
# operation (tasks/runtimes/*/steps) is a layer of its own, above the runtimes.
LAYERS = {
    "tasks": {
        "actions",
        "commandline",
        "completion",
        "inventory",
        "node",
        "phases",
        "report",
        "run",
        "runtimes",
        "steps",
        "ssh",
    },
    "actions": {
        "commandline",
        "environment",
        "inventory",
        "script",
        "ssh",
        "node",
        "runtimes",
        "plan",
        "run",
        "steps",
        "report",
        "phases",
        "testbed",
        "completion",
    },
    "phases": {"inventory", "script", "ssh", "node", "runtimes", "plan", "run", "steps", "report"},
    "steps": {"inventory", "script", "ssh", "node", "runtimes", "plan", "run", "report"},
    "run": {"inventory", "script", "ssh", "node", "runtimes", "plan", "report"},
    "plan": {"inventory", "script", "node", "runtimes"},
    "runtimes": {"environment", "inventory", "script", "node"},
    "node": {"inventory", "script", "runtimes"},
    "commandline": {"report"},
    "report": {"inventory"},
    "ssh": {"inventory", "script"},
    "script": {"inventory"},
    "environment": set(),
    "inventory": set(),
    "testbed": {"environment"},
    "text": set(),
    "completion": {"commandline", "inventory", "node", "script", "runtimes", "plan", "testbed"},
}
# what every layer may import, except those that import nothing of this project
EVERYWHERE = {"text"}
NOTHING = ("environment", "text")
# layers that must be pure: same input, same output
PURE = ("text", "script", "node", "runtimes", "plan")
WORLD = {
    "socket",
    "ssl",
    "select",
    "selectors",
    "subprocess",
    "paramiko",
    "fabric",
    "invoke",
    "requests",
    "urllib",
    "http",
    "os",
    "time",
    "datetime",
    "random",
    "secrets",
    "getpass",
    "platform",
    "tempfile",
    "threading",
}
# modules that may reach for what their package must not
ALLOWED = {
    "tasks.script.protocol": {"secrets"},  # the marks of an answer, which nobody can guess
    "tasks.inventory.secret": {"os", "subprocess"},  # a password from the environment or a command
    # what the operator's machine asks of the package index, the channels and the makers of conda
    **{f"tasks.runtimes.packages.{name}": WORLD for name in ("bundle", "pypi", "web")},
    **{f"tasks.runtimes.conda.{name}": WORLD for name in ("channels", "installers", "solver")},
}
NETWORK = WORLD - {"os", "time", "datetime", "tempfile", "threading"}


def module_of(path: Path) -> str:
    parts = path.relative_to(TOP).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# what runs on hosts and never here is no part of the layers
SOURCES = {module_of(p): p for p in (TOP / "tasks").rglob("*.py") if "drivers" not in p.parts}


def package(module: str) -> str:
    """``tasks.node.facts`` -> ``node``; a module of tasks itself -> ``tasks``."""
    parts = module.split(".")
    if parts[1:2] == ["runtimes"] and "steps" in parts:
        return "steps"
    return parts[1] if len(parts) > 1 and parts[1] in LAYERS else "tasks"


def imports(module: str) -> set[str]:
    """Every module that ``module`` imports, wherever the import stands; relative ones resolved."""
    path = SOURCES[module]
    tree = ast.parse(path.read_text("utf-8"))
    here = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = here.split(".")[: len(here.split(".")) - node.level + 1]
                base = ".".join([*up, *([node.module] if node.module else [])])
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= {name if name in SOURCES else base for name in names}
    return found - {module}


def test_the_rule_knows_every_package():
    packages = {p.parent.name for p in (TOP / "tasks").glob("*/__init__.py")}
    assert packages | {"tasks", "steps"} == set(LAYERS)


@pytest.mark.parametrize("module", SOURCES)
def test_nothing_is_imported_upwards_or_sideways(module):
    own = package(module)
    used = {package(name) for name in imports(module) if name == "tasks" or name.startswith("tasks.")}
    assert used - {own} <= LAYERS[own] | (EVERYWHERE if own not in NOTHING else set())
    if own in ("ssh", "script"):
        assert {name for name in imports(module) if name.startswith("tasks.inventory")} <= {
            "tasks.inventory.secret"
        }
    outside = {"tests", "bench"} if module == "tasks.__main__" else {"tests", "bench", "fabfile"}
    assert not {name for name in imports(module) if name.split(".")[0] in outside}


def test_no_circles():
    graph = {
        module: {name for name in imports(module) if name in SOURCES and name != package_of(module)}
        for module in SOURCES
    }
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def package_of(module: str) -> str:
    """The package's own __init__, which collects its modules' names."""
    return module.rpartition(".")[0]


@pytest.mark.parametrize("module", [m for m in SOURCES if package(m) in PURE])
def test_pure(module):
    """No network, no clock, no environment, no chance."""
    assert {name.split(".")[0] for name in imports(module)} & WORLD <= ALLOWED.get(module, set())


@pytest.mark.parametrize("module", [m for m in SOURCES if package(m) == "inventory"])
def test_no_network(module):
    assert {name.split(".")[0] for name in imports(module)} & NETWORK <= ALLOWED.get(module, {"urllib"})


def test_the_check_sees_what_it_should(tmp_path, monkeypatch):
    """Imports in functions, relative imports, and modules taken out of a package."""
    (tmp_path / "facts.py").write_text(
        "from . import ray\nfrom .names import unit\nfrom ..script import answer\n"
        "import os.path\ndef f():\n    import tasks.phases\n    import socket\n"
    )
    monkeypatch.setitem(SOURCES, "tasks.node.facts", tmp_path / "facts.py")
    assert imports("tasks.node.facts") == {
        "tasks.node.ray",
        "tasks.node.names",
        "tasks.script.answer",
        "tasks.phases",
        "os.path",
        "socket",
    }


DOOR = "tasks.run.door"
# what a connection does to its host
ACTS = {"ask", "carry", "run", "sudo", "put", "get", "shell", "forward_remote"}


@pytest.mark.parametrize("module", [m for m in SOURCES if package(m) in ("run", "steps", "phases", "tasks")])
def test_one_door_leads_to_a_host(module):
    """``node.connection.ask(...)`` and its like stand in one module, which a dry run closes."""
    found = {
        node.attr
        for node in ast.walk(ast.parse(SOURCES[module].read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in ACTS
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "connection"
    }
    assert found == ({"ask", "carry"} if module == DOOR else set())


@pytest.mark.parametrize("module", [m for m in SOURCES if package(m) == "phases" and m.count(".") == 2])
def test_phases_hold_steps(module):
    """What another module can import from one is a step, or makes one."""
    tree = ast.parse(SOURCES[module].read_text("utf-8"))
    defined = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    public = [node for node in defined if not node.name.startswith("_")]
    assert all(isinstance(node, ast.FunctionDef) and _is_step(node) for node in public), module
    assert public or module == "tasks.phases.operation"


def _is_step(function: ast.FunctionDef) -> bool:
    decorators = [ast.unparse(one) for one in function.decorator_list]
    returns = ast.unparse(function.returns) if function.returns else ""
    return returns == "Step" or any(one.startswith("step(") for one in decorators)
