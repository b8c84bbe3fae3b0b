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
from fabric.exceptions import GroupException
from fabric.main import Fab
from invoke import Argument, Collection, Exit
from invoke.parser import ParseError, Parser, ParserContext

from tasks.commandline import failures, flags, manual
from tasks.commandline.line import line
from tasks.commandline.mistakes import Mistake, checked, explain, unknown_word
from tasks.commandline.version import VERSION
from tasks.commandline.words import WordsParser, required
from tasks.language import said
from tasks.report import output, typed
from tasks.text.quoting import printed
from tasks.text.wording import shown

BUILT_IN = "tasks."


class Program(Fab):
    """``./fab``. Plain ``fab`` is turned into it while it imports the fabfile; see :func:`adopt`."""

    # runs the tasks; adopt() sets the one that connects with the settings of the hosts file
    runs_tasks: type[Executor] = Executor
    built_in: Sequence[ParserContext] = ()

    # parses again what Fabric's program parsed before it read the fabfile
    def read_core(self) -> None:
        """Parses the flags of the program itself; a bare ``help`` is ``--help``, and so is one after a task."""
        if self.argv[1:2] == ["help"]:
            self.argv = [self.argv[0], "--help", *self.argv[2:]]
        typed.use_hosts_file(os.environ.get("RAY_HOSTS_FILE"))
        typed.use_arguments(self.argv[1:])
        parser = Parser(initial=checked(self.initial_context), ignore_unknown=True)
        try:
            self.core = parser.parse_argv(self.argv[1:])
        except ParseError as error:
            raise explain(error, self.argv, {}, self.initial_context) from None
        asked = self.core.unparsed[1:]
        if asked[:1] == ["--help"] or asked == ["-h"]:
            # otherwise a positional argument of the task would take it as its value
            self.args.help.set_value(self.core.unparsed[0])
            self.core.unparsed = []
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
        # Invoke turns bytecode files off, and a program that is compiled at each call starts slowly
        sys.dont_write_bytecode = before

    def parse_tasks(self) -> None:
        try:
            super().parse_tasks()
        except ParseError as error:
            raise explain(error, self.argv, self.parser.contexts, self.initial_context) from None

    def _make_parser(self) -> Parser:
        if getattr(self, "_contexts", None) is None:
            # only once: Invoke removes each flag's help from the task when it makes the context
            self._contexts = [checked(context) for context in self.collection.to_contexts()]
        initial = checked(self.initial_context)
        return WordsParser(self.collection, initial=initial, contexts=self._contexts)

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
        self.debug = self.debug or bool(self.args.debug.value)  # also after one of the user's own tasks
        self.built_in = [context for context in self.tasks if self.is_built_in(context)]
        if self.built_in:
            self.prepare(self.built_in)
        elif line.remainder and not self.args.hosts.value:
            command = printed(*line.remainder)
            raise Mistake(
                f"no host to run {shown(command)} on",
                f"fab -H HOSTS -- {command} runs it there; fab exec -- {command} on all, in Ray's environment",
            )

    def update_config(self) -> None:
        with self.calm():
            super().update_config()
        line.config = self.config

    def execute(self) -> None:
        self.executor_class = self.runs_tasks
        with self.calm():
            super().execute()

    @contextlib.contextmanager
    def calm(self) -> Iterator[None]:
        """Turns any error into lines and an exit status; ``--debug`` shows the traceback."""
        try:
            yield
        except (Exit, ParseError):
            raise
        except KeyboardInterrupt:
            raise Exit(said("✗ interrupted"), code=failures.INTERRUPTED) from None
        except EOFError:
            raise Exit(said("✗ the input ended before the answer"), code=1) from None
        except Exception as error:
            if self.debug or any(c.args["debug"].value for c in self.built_in if "debug" in c.args):
                print(failures.traceback_of(error), file=sys.stderr, end="")
                raise Exit(code=1) from None
            if failures.is_interrupt(error):
                raise Exit(said("✗ interrupted"), code=failures.INTERRUPTED) from None
            raise Exit("\n".join(self.failed(error)), code=1) from None

    def failed(self, error: Exception) -> list[str]:
        """The lines for an exception that a task has raised."""
        if isinstance(error, GroupException):
            return failures.per_host(error)
        if failures.is_of_a_host(error):
            return failures.of_task(error)
        place = failures.place(error)
        at = f"{place}: " if place else ""
        hint = "please report this; --debug shows more" if self.built_in else "--debug shows the traceback"
        return [f"✗ {at}{failures.described(error)}", f"  → {said(hint)}"]

    def is_built_in(self, context: ParserContext) -> bool:
        """Whether a task is one of this project's, not one of the user's own."""
        return self.collection[context.name].body.__module__.startswith(BUILT_IN)

    def prepare(self, built_in: Sequence[ParserContext]) -> None:
        """Checks what Invoke does not: Fabric's flags, flags that are required, arguments after ``--``."""
        more: dict[str, object] = {"dry": True} if self.config.run.dry else {}
        if self.debug:
            more["debug"] = True
        if len(built_in) < len(self.tasks) and (more or flags.given(self.core[0]) or line.remainder):
            names = " and ".join(context.name for context in self.tasks)
            raise Mistake(f"{names} cannot share the flags before them", "run one after the other")
        flags.apply(self.core[0], built_in, more)
        # the flags are passed to the tasks now; with hosts set, Fabric would run each task once for each host
        self.args.hosts._value = None
        for context in built_in:
            for name in required(self.collection[context.name]):
                if context.args[name].value is None:
                    flag = f"--{context.args[name].names[0]}"
                    raise Mistake(f"{context.name} needs {flag}", f"fab {context.name} --help")
        takers = [context for context in built_in if "command" in context.args]
        name = built_in[0].name
        if line.remainder and not takers:
            what = shown(" ".join(line.remainder))
            raise Mistake(f"{name} takes nothing after --, got {what}", f"fab {name} --help")
        if line.remainder and len(built_in) > 1:
            raise Mistake(
                "the arguments after -- are for one task, and there are several", "run one after the other"
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
        context = self.parser.contexts[name]
        task, built_in = self.collection[name], self.is_built_in(context)
        print(manual.explained(name, task, context, columns(), built_in))


def columns() -> int:
    """The width of the terminal, in columns."""
    return shutil.get_terminal_size().columns


def version() -> str:
    """This project's version, and those of the libraries that it is built on."""
    python = ".".join(map(str, sys.version_info[:3]))
    below = f"Fabric {fabric.__version__}, Invoke {invoke.__version__}, Paramiko {paramiko.__version__}"
    return f"rayfab {VERSION} ({below}, Python {python})"


def adopt(runs_tasks: type[Executor]) -> None:
    """Turns plain ``fab`` into :class:`Program`: called while Fabric imports the fabfile, before it parses the tasks.

    Its bare ``--help`` and ``--version`` are answered before that, by Fabric.

    :param runs_tasks: the executor that connects to hosts with the settings of the hosts file.
    """
    Program.runs_tasks = runs_tasks
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
            print(said("✗ interrupted"), file=sys.stderr)
            code = failures.INTERRUPTED
    raise SystemExit(output.close(code))
