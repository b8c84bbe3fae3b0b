"""Which way the arrows run: read from the source, so that an import inside a function counts too."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tasks import runtimes
from tasks.node import supervisors
from tasks.script.files import files
from tasks.script.fragments import PS, SH
from tests.script.sources import compared_ps1, compared_sh

TOP = Path(__file__).parent.parent

# a layer -> the layers that it may import, besides itself. A layer is a package of tasks/, and three are parts of
# tasks/runtimes: "steps", what a runtime adds to an operation, lies above the runtimes; "table", which only knows their
# names, and "sections", their sections of the hosts file, lie below them. The table imports a runtime's parts when they
# are asked for, so that nobody has to import a section.
LAYERS = {
    "tasks": {
        "actions",
        "commandline",
        "completion",
        "environment",
        "inventory",
        "node",
        "phases",
        "report",
        "run",
        "runtimes",
        "steps",
        "ssh",
        "table",
    },
    "actions": {
        "commandline",
        "environment",
        "inventory",
        "language",
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
        "table",
    },
    "phases": {"inventory", "script", "ssh", "node", "runtimes", "plan", "run", "steps", "report", "table"},
    "steps": {"inventory", "script", "ssh", "node", "runtimes", "plan", "run", "report", "table"},
    "run": {"inventory", "script", "ssh", "node", "runtimes", "plan", "report", "table"},
    "plan": {"inventory", "script", "node", "runtimes", "table"},
    "runtimes": {"environment", "inventory", "script", "node", "table"},
    "node": {"inventory", "script"},
    "commandline": {"report", "language"},
    "report": {"inventory", "language"},
    "ssh": {"inventory", "script"},
    "script": {"inventory"},
    "environment": {"language"},
    "inventory": {"table"},
    "sections": {"inventory"},
    "table": set(),
    "testbed": {"environment"},
    "text": set(),
    "language": set(),
    "completion": {"commandline", "inventory", "node", "script", "runtimes", "plan", "testbed", "table"},
}
# what every layer may import, except those that import nothing of this project
EVERYWHERE = {"text"}
NOTHING = ("environment", "language", "text")
# layers that must be pure: same input, same output
PURE = ("text", "script", "node", "runtimes", "plan", "sections", "table")
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
    "tasks.runtimes.uv.builds": WORLD,
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
    if parts[1:2] == ["runtimes"]:
        if not parts[2:]:
            return "table"
        if parts[-1] == "section":
            return "sections"
        if "steps" in parts:
            return "steps"
    return parts[1] if len(parts) > 1 and parts[1] in LAYERS else "tasks"


def at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """The tree without what is under ``if TYPE_CHECKING:``."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from at_run_time(child)


def imports(module: str) -> set[str]:
    """Every module that ``module`` imports, wherever the import stands; relative ones resolved."""
    path = SOURCES[module]
    tree = ast.parse(path.read_text("utf-8"))
    here = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in at_run_time(tree):
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
    assert packages | {"tasks", "steps", "sections", "table"} == set(LAYERS)


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


def test_imports_form_no_circle():
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
def test_a_pure_module_imports_nothing_of_the_outside(module):
    """No network, no clock, no environment, no chance."""
    assert {name.split(".")[0] for name in imports(module)} & WORLD <= ALLOWED.get(module, set())


@pytest.mark.parametrize("module", [m for m in SOURCES if package(m) == "inventory"])
def test_the_inventory_imports_no_network(module):
    assert {name.split(".")[0] for name in imports(module)} & NETWORK <= ALLOWED.get(module, {"urllib"})


# what the sections of runtimes are made of; the models of the whole file are made of the sections
RULES = {
    f"tasks.inventory.{name}"
    for name in ("accept", "address", "ranges", "rule", "secret", "sections", "sizes", "types")
}


@pytest.mark.parametrize("module", [m for m in SOURCES if package(m) == "sections" or m in RULES])
def test_a_section_needs_only_the_rules(module):
    """Else a section and the model of the hosts file would import each other."""
    used = {name for name in imports(module) if name.startswith("tasks.")}
    others = {name for name in used if package(name) in ("text", "sections")}
    assert used <= RULES | {"tasks.runtimes"} | others


def of_runtime(module: str) -> str | None:
    """The runtime in whose folder a module is."""
    parts = module.split(".")
    return (
        parts[2] if parts[:2] == ["tasks", "runtimes"] and parts[2:3] and parts[2] in runtimes.NAMES else None
    )


@pytest.mark.parametrize("module", [m for m in SOURCES if of_runtime(m) or package(m) == "runtimes"])
def test_a_runtime_imports_no_other(module):
    """What they share is in tasks/runtimes/packages, or beside it."""
    used = {of_runtime(name) for name in imports(module)} - {None, of_runtime(module)}
    assert used <= set()


# the lab runs its hosts in Docker itself, and this names a flavour of hosts
OF_DOCKER = ("testbed",)


@pytest.mark.parametrize(
    "module", [m for m in SOURCES if not m.startswith("tasks.runtimes") and package(m) not in OF_DOCKER]
)
def test_nothing_else_tells_runtimes_apart(module):
    """No comparison with a runtime's name, no look-up by it, no use of its section."""
    found = []
    for node in at_run_time(ast.parse(SOURCES[module].read_text("utf-8"))):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            sides += [
                one for side in sides if isinstance(side, (ast.Tuple, ast.List, ast.Set)) for one in side.elts
            ]
            named = [
                side for side in sides if isinstance(side, ast.Constant) and side.value in runtimes.NAMES
            ]
            if named or any(isinstance(side, ast.Attribute) and side.attr == "runtime" for side in sides):
                found.append(ast.unparse(node))
        elif isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            found += [key for key in keys if key in runtimes.NAMES]
        elif isinstance(node, ast.Attribute) and node.attr in runtimes.NAMES:
            found.append(ast.unparse(node))
    assert found == []


FRAGMENTS = [
    path
    for kind in (SH, PS)
    for path in files(kind).values()
    if not path.is_relative_to(TOP / "tasks" / "runtimes")
]


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
def test_no_fragment_tells_runtimes_apart(path):
    """None compares anything with a runtime's name, in a pattern either, or with another's kind of service."""
    compared = (compared_sh if path.suffix == ".sh" else compared_ps1)(path.read_text("utf-8"))
    assert {word for one in compared for word in re.findall(r"[^\W_]+", one)} & set(runtimes.NAMES) == set()
    if not path.stem.startswith(("kind_", "up_")):
        kinds = {kind for one in supervisors.TABLE for kind in one.KINDS}
        assert {one.strip("'\"") for one in compared} & kinds == set()


def test_the_check_sees_comparisons_in_fragments():
    sh = '[ "$a" = docker ]; test "$a" != "conda"\ncase $a in uv | *x*) uvx task ;; esac\nhave podman\n'
    assert {"docker", "conda", "uv"} <= compared_sh(sh)
    assert not {"uvx", "task", "podman"} & compared_sh(sh)
    ps1 = "$a = (One) -eq 'docker'\nif ($b -notmatch 'conda|x') { Two 'task' }\nTwo ($c -ne \"uv\")\n"
    assert compared_ps1(ps1) == {"'docker'", "'conda|x'", '"uv"'}


@pytest.mark.parametrize("name", runtimes.NAMES)
def test_every_runtime_has_its_parts(name):
    assert runtimes.by_name(name).name == name
    assert set(vars(runtimes.section_by_name(name))) >= {"SECTION", "STARTER"}
    assert runtimes.steps_by_name(name)


# what the parts of an operation may do with a host's connection; run, sudo, put and get are for people's own tasks
ON_A_CONNECTION = {"ask", "cancel", "carry", "close", "forward_local", "knock", "open", "text_of"}


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
