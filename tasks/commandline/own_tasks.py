"""A user's own tasks, from ``my_tasks.py`` or the package ``my_tasks/``: no update of this project touches them.

Whatever is wrong with them is reported on standard error, and every other task still works.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from invoke import Collection, Task

from tasks.commandline.failures import at, described, place
from tasks.commandline.mistakes import Mistake

NAME = "my_tasks"


class OwnTasksError(Exception):
    """The user's own tasks cannot be loaded; the message is one line."""


def add_to(namespace: Collection, folder: Path) -> None:
    """Adds the user's own tasks, under their own names, and prints what is wrong with them.

    :param namespace: this project's tasks; none of them is replaced.
    :param folder: where ``my_tasks.py`` or ``my_tasks/`` is.
    """
    try:
        module = load(folder)
    except OwnTasksError as error:
        report(str(error), "your own tasks are left out until this is repaired; all others work")
        return
    if module is None:
        return
    for problem in merge(namespace, Collection.from_module(module)):
        report(problem, 'rename it, or give it another name with @task(name="...")')


def report(message: str, fix: str) -> None:
    """Prints one problem in two lines on standard error."""
    print(Mistake(message, fix).message, file=sys.stderr)


def load(folder: Path) -> ModuleType | None:
    """Imports the user's own tasks as the module ``my_tasks``; None if there are none.

    :raises OwnTasksError: the module raised something, ``SystemExit`` included.
    """
    source = find(folder)
    if source is None:
        return None
    package = [str(source.parent)] if source.name == "__init__.py" else None
    spec = spec_from_file_location(NAME, source, submodule_search_locations=package)
    module = module_from_spec(spec)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last, so that no file there hides one of Python's own modules
    sys.modules[NAME] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
            del sys.modules[name]
        where = place(error) or source.relative_to(folder)
        raise OwnTasksError(f"{where}: {described(error)}") from error
    return module


def find(folder: Path) -> Path | None:
    """The file to load: ``my_tasks.py`` or ``my_tasks/__init__.py``; None if there is neither.

    :raises OwnTasksError: it is not clear which one.
    """
    module, package = folder / f"{NAME}.py", folder / NAME
    start = package / "__init__.py"
    if module.exists() and start.exists():
        raise OwnTasksError(f"both {NAME}.py and {NAME}/ are there; keep one of them")
    if module.exists():
        return module
    if start.exists():
        return start
    if package.is_dir() and any(package.glob("*.py")):
        raise OwnTasksError(
            f"{NAME}/ has no __init__.py; its tasks are those that {NAME}/__init__.py imports"
        )
    return None


def merge(namespace: Collection, own: Collection) -> Iterator[str]:
    """Adds the tasks and groups of ``own`` to ``namespace``; yields a line for each name that is taken.

    A default task of theirs is not taken over: ``fab`` alone lists all tasks.
    """
    built_in = set(namespace.tasks.values())
    taken = {*namespace.tasks, *namespace.tasks.aliases, *namespace.collections}
    for name, task in own.tasks.items():
        if task in built_in:
            continue  # imported to be called from one of the user's own tasks
        names = [name, *(alias for alias, main in own.tasks.aliases.items() if main == name)]
        clash = next((one for one in names if one in taken), None)
        if clash:
            yield f"{defined_at(task)}: {clash} is the name of another task; this one is left out"
            continue
        namespace.add_task(task, name=name, aliases=_extra(task, names[1:], own), default=False)
        taken.update(names)
    for name, group in own.collections.items():
        if name in taken:
            yield f"{NAME}: the group {name} has the name of a task; its tasks are left out"
            continue
        namespace.add_collection(group, name=name)
        taken.add(name)
    namespace.configure(own._configuration)


def defined_at(task: Task) -> str:
    """``my_tasks.py:12``: where a task is defined."""
    code = getattr(task.body, "__code__", None)
    if code is None:
        return NAME
    return at(code.co_filename, code.co_firstlineno)


def _extra(task: Task, aliases: list[str], own: Collection) -> tuple[str, ...]:
    """The aliases that the collection gave; ``add_task`` adds the task's own ones itself."""
    return tuple(alias for alias in aliases if alias not in {own.transform(one) for one in task.aliases})
