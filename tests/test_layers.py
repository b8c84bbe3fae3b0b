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


# what the parts of an operation may do with a host's connection; run, sudo, put and get are for people's own tasks
ON_A_CONNECTION = {"ask", "cancel", "carry", "close", "forward_local", "open", "text_of"}


def calls_on_a_connection(tree: ast.AST) -> set[str]:
    """The methods that are called on ``connection`` or ``something.connection``."""
    return {
        call.func.attr
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and "connection" in (getattr(call.func.value, "attr", ""), getattr(call.func.value, "id", ""))
    }


@pytest.mark.parametrize("module", [m for m in SOURCES if package(m) not in ("ssh", "testbed")])
def test_scripts_reach_a_host_through_ask_alone(module):
    assert calls_on_a_connection(ast.parse(SOURCES[module].read_text("utf-8"))) <= ON_A_CONNECTION


def test_the_check_sees_calls_on_a_connection():
    code = (
        "node.connection.run('x'); connection.exec_command('x'); node.host.connection == 'local'; c.run('x')"
    )
    assert calls_on_a_connection(ast.parse(code)) == {"run", "exec_command"}


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
