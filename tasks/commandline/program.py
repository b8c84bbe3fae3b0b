"""The program: Fabric's, with this project's tasks, its own help, and no flag that is silently ignored."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence

import fabric
import invoke
import paramiko
from fabric import Config, Executor
from fabric.main import Fab
from invoke import Argument, Collection, Exit
from invoke.exceptions import UnexpectedExit
from invoke.parser import ParseError, Parser, ParserContext

from tasks.commandline import flags, manual
from tasks.commandline.line import line
from tasks.commandline.mistakes import Mistake, checked, explain, unknown_word
from tasks.commandline.version import VERSION
from tasks.report import output, typed
from tasks.text.quoting import printed
from tasks.text.wording import shown

OURS = "tasks."


class Program(Fab):
    """``./fab``. Plain ``fab`` becomes one too, while it imports the fabfile; see :func:`adopt`."""

    # what Fabric's program has looked at before it read the fabfile is looked at once more
    def read_core(self) -> None:
        """Parses the flags of the program itself; a bare ``help`` is ``--help``, and so is one behind a task."""
        if self.argv[1:2] == ["help"]:
            self.argv = [self.argv[0], "--help", *self.argv[2:]]
        if self.argv[2:3] in (["--help"], ["-h"]) and not self.argv[1].startswith("-"):
            # a positional argument would take it for its value
            self.argv = [self.argv[0], "--help", self.argv[1]]
        parser = Parser(initial=checked(self.initial_context), ignore_unknown=True)
        try:
            self.core = parser.parse_argv(self.argv[1:])
        except ParseError as error:
            raise explain(error, self.argv, {}, self.initial_context) from None
        typed.use_arguments(self.argv[1:])
        line.remainder = self.argv[self.argv.index("--") + 1 :] if "--" in self.argv else []
        shell = self.args["print-completion-script"]
        if shell.value:
            self.core.unparsed = ["completion", shell.value]
            shell._value = ""
        self.debug, self.args.debug._value = bool(self.args.debug.value), None

    parse_core_args = read_core

    def parse_core(self, argv: list[str] | None) -> None:
        before = sys.dont_write_bytecode
        super().parse_core(argv)
        # invoke turns it off, and a program that is compiled again for each call starts slowly
        sys.dont_write_bytecode = before

    def parse_tasks(self) -> None:
        try:
            super().parse_tasks()
        except ParseError as error:
            raise explain(error, self.argv, self.parser.contexts, self.initial_context) from None

    def _make_parser(self) -> Parser:
        if getattr(self, "_contexts", None) is None:
            # once: invoke gives each flag's help away only once
            self._contexts = [checked(context) for context in self.collection.to_contexts()]
        return Parser(initial=checked(self.initial_context), contexts=self._contexts)

    def _update_core_context(self, context: ParserContext, new_args: Mapping[str, Argument]) -> None:
        for key, argument in new_args.items():
            before = context.args[key]
            if argument.got_value and before.got_value and argument.value != before.value:
                raise Mistake(
                    f"{flags.spelled(context, flags.main_name(argument))} is given twice", "give it once"
                )
        super()._update_core_context(context, new_args)

    def parse_cleanup(self) -> None:
        asked = self.args.help.value
        if isinstance(asked, str) and asked not in self.parser.contexts:
            raise unknown_word(asked, "", self.parser.contexts)
        part = self.args.list.value
        if isinstance(part, str):
            try:
                self.collection.subcollection_from_path(part)
            except KeyError:
                raise Mistake(f"there is no group of tasks {shown(part)}", "fab --list") from None
        super().parse_cleanup()
        self.own = [context for context in self.tasks if self.is_ours(context)]
        if self.own:
            self.prepare(self.own)
        elif not self.tasks and not self.args.hosts.value:
            quoted = printed(*line.remainder)
            raise Mistake("no task, and no host to run this on", f"fab exec -- {quoted}")

    def update_config(self) -> None:
        with self.calm():
            super().update_config()

    def execute(self) -> None:
        with self.calm():
            super().execute()

    @contextlib.contextmanager
    def calm(self) -> Iterator[None]:
        """Whatever goes wrong is a line and an exit status; --debug shows the traceback."""
        try:
            yield
        except (Exit, UnexpectedExit, ParseError):
            raise
        except KeyboardInterrupt:
            raise Exit("✗ interrupted", code=130) from None
        except EOFError:
            raise Exit("✗ the input ended before the answer", code=1) from None
        except Exception as error:
            if self.debug or any(c.args["debug"].value for c in self.own if "debug" in c.args):
                raise
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            hint = "please report this; --debug shows more" if self.own else "--debug shows more"
            raise Exit(f"✗ {what}\n  → {hint}", code=1) from None

    def is_ours(self, context: ParserContext) -> bool:
        """Whether a task is this project's, not one of the user's own."""
        return self.collection[context.name].body.__module__.startswith(OURS)

    def prepare(self, own: Sequence[ParserContext]) -> None:
        """Checks what invoke does not: flags of Fabric's, flags that are required, what stands behind ``--``."""
        more: dict[str, object] = {"dry": True} if self.config.run.dry else {}
        if self.debug:
            more["debug"] = True
        if len(own) < len(self.tasks) and (more or flags.given(self.core[0]) or line.remainder):
            names = " and ".join(context.name for context in self.tasks)
            raise Mistake(f"{names} cannot share the flags before them", "run one after the other")
        flags.apply(self.core[0], own, more)
        # they are the tasks' own now; Fabric would run each task once a host
        self.args.hosts._value = None
        for context in own:
            for name in required(self.collection[context.name]):
                if context.args[name].value is None:
                    flag = f"--{context.args[name].names[0]}"
                    raise Mistake(f"{context.name} needs {flag}", f"fab {context.name} --help")
        takers = [context for context in own if "command" in context.args]
        if line.remainder and not takers:
            what = shown(" ".join(line.remainder))
            raise Mistake(f"{own[0].name} takes nothing after --, got {what}", f"fab {own[0].name} --help")
        if line.remainder and len(own) > 1:
            raise Mistake(
                "what follows -- belongs to one task, but several are given", "run one after the other"
            )
        self.core.remainder = ""

    def print_version(self) -> None:
        print(version())

    def print_help(self) -> None:
        self.list_flat()

    def list_flat(self) -> None:
        tasks = {name: self.collection[name] for name in self.collection.task_names}
        print(manual.overview(tasks, columns(), version()))

    def print_task_help(self, name: str) -> None:
        print(manual.explained(name, self.collection[name], self.parser.contexts[name], columns()))


def required(task: invoke.Task) -> list[str]:
    """Parameters without a default: their flags have to be given."""
    parameters = task.argspec(task.body).parameters.values()
    return [one.name for one in parameters if one.default is one.empty]


def columns() -> int:
    return shutil.get_terminal_size().columns


def version() -> str:
    """This project's version, and those of what it stands on."""
    python = ".".join(map(str, sys.version_info[:3]))
    below = f"Fabric {fabric.__version__}, Invoke {invoke.__version__}, Paramiko {paramiko.__version__}"
    return f"rayfab {VERSION} ({below}, Python {python})"


def adopt() -> None:
    """Turns plain ``fab`` into :class:`Program`; called while it imports the fabfile, before tasks are parsed.

    Its bare ``--help`` and ``--version`` are answered before that, by Fabric.
    """
    program = fabric.main.program
    if getattr(program, "core", None) is None or isinstance(program, Program):
        return
    output.install()
    atexit.register(_end_adopted)
    program.__class__ = Program
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    root = program.args["search-root"].value
    if root:
        typed.use_program(f"fab --search-root {printed(root)}")
    program.read_core()


def _end_adopted() -> None:
    # Fabric's own run() has set the exit status by now
    if output.close(0):
        os._exit(1)


def main(namespace: Collection, argv: list[str] | None = None) -> None:
    """Runs ``argv`` and ends the process with the contract's exit status."""
    output.install()
    program = Program(
        name="rayfab", version=VERSION, namespace=namespace, executor_class=Executor, config_class=Config
    )
    code = 0
    try:
        program.run(argv)
    except SystemExit as end:
        code = end.code or 0
        if isinstance(end.__context__, KeyboardInterrupt):
            print("✗ interrupted", file=sys.stderr)
            code = 130
    raise SystemExit(output.close(code))
