"""Errors in a command line: one line with the error, one with the fix, exit status 2."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from invoke import Argument, Exit
from invoke.parser import ParseError, ParserContext
from invoke.parser.context import to_flag

from tasks.report import typed
from tasks.text.quoting import printed
from tasks.text.wording import did_you_mean, nearest, shown

# characters that have a meaning only in a shell
SHELL_SIGNS = re.compile(r"[\s|&;<>$`*]")


class Mistake(Exit):
    """The command line is wrong and nothing was changed."""

    def __init__(self, message: str, hint: str = "") -> None:
        text = f"✗ {typed.as_typed(message)}"
        if hint:
            text += f"\n  → {typed.as_typed(hint)}"
        super().__init__(text, code=2)


class CheckedArgument(Argument):
    """A flag that refuses a second value, and names itself in the message about a wrong one."""

    def set_value(self, value: object, cast: bool = True) -> None:
        flag = to_flag(self.names[0])
        if isinstance(value, str) and not value.strip():
            # "--limit $HOSTS" must not mean all hosts if HOSTS is unset
            raise Mistake(f"{flag} is empty", "give it a value, or leave it out")
        repeatable = self.kind in (list, bool) or self.incrementable
        if self.raw_value is not None and not repeatable and value != self.raw_value:
            raise Mistake(
                f"{flag} is given twice: {shown(self.raw_value)} and {shown(value)}", "give it once"
            )
        try:
            super().set_value(value, cast)
        except ValueError:
            kind = "a whole number" if self.kind is int else f"a value of type {self.kind.__name__}"
            raise Mistake(f"{flag}: expected {kind}, got {shown(value)}") from None


def checked(context: ParserContext) -> ParserContext:
    """The same context, with a CheckedArgument in place of each argument."""
    for argument in context.args.values():
        argument.__class__ = CheckedArgument
    return context


def explain(
    error: ParseError, argv: Sequence[str], contexts: Mapping[str, ParserContext], core: ParserContext
) -> Mistake:
    """Invoke's error in plain language.

    :param argv: the whole command line.
    :param contexts: the tasks' contexts by name.
    :param core: the flags of the program itself.
    """
    text, context = str(error), error.context
    task = context.name if context is not None and context.name else ""
    unknown = re.search(r"No idea what (['\"].*['\"]) is!", text, re.DOTALL)
    if unknown:
        word = ast.literal_eval(unknown.group(1))
        if flag := given_before(word, argv):
            return Mistake(f"{flag} is given twice", "give it once")
        if flag := next(
            (one.partition("=")[0] for one in argv if re.match(rf"-[^=]+={re.escape(word)}$", one)), None
        ):
            return Mistake(f"{flag} takes no value", f"fab {task} {flag}" if task else "fab --help")
        if word.startswith("-"):
            return unknown_flag(word, task, contexts, core)
        return unknown_word(word, task, contexts)
    empty = re.search(r"Flag <\w+: ([\w-]+).*> needed value", text)
    if empty:
        flag = to_flag(empty.group(1))
        return Mistake(f"{flag} needs a value", f"fab {task} --help" if task else "fab --help")
    missing = re.search(r"did not receive required positional arguments: '(\w[\w-]*)'", text)
    if missing:
        return Mistake(f"{task} needs {to_flag(missing.group(1))}", f"fab {task} --help")
    return Mistake(text[:1].lower() + text[1:])


def given_before(word: str, argv: Sequence[str]) -> str | None:
    """The flag that was repeated with this value; Invoke accepts only its first value."""
    for index, token in enumerate(argv):
        flag, _, value = token.partition("=")
        is_value = value == word or argv[index + 1 : index + 2] == [word]
        if flag.startswith("-") and is_value and any(one.partition("=")[0] == flag for one in argv[:index]):
            return flag
    return None


def unknown_flag(word: str, task: str, contexts: Mapping[str, ParserContext], core: ParserContext) -> Mistake:
    """The error for a flag that neither the task nor the program has."""
    flag = word.partition("=")[0]
    if not task:
        owners = [name for name, context in contexts.items() if flag in context.flags]
        if owners:
            example = "status" if "status" in owners else owners[0]
            return Mistake(f"{flag} comes after the task", f"fab {example} {word}")
        near = did_you_mean(flag, core.flag_names())
        return Mistake(f"there is no flag {shown(flag)}{near}", "fab --help")
    near = did_you_mean(flag, contexts[task].flag_names())
    return Mistake(f"{task} has no flag {shown(flag)}{near}", f"fab {task} --help")


def unknown_word(word: str, task: str, contexts: Mapping[str, ParserContext]) -> Mistake:
    """The error for an argument that is not a task, or that this task does not take."""
    near = nearest(word, contexts)
    if not task:
        hint = f"fab {near}" if near else "fab --list"
        return Mistake(f"there is no task {shown(word)}{f'; did you mean {near}?' if near else ''}", hint)
    if near:
        return Mistake(f"there is no task {shown(word)}; did you mean {near}?", f"fab {task} --help")
    flags = contexts[task].flags
    quoted = printed(word)
    if "--command" in flags:
        return Mistake(f"{task}: the command comes after --", f"fab {task} -- {quoted}")
    for flag in ("--host", "--limit", "--output"):
        if flag in flags:
            return Mistake(
                f"{task}: {shown(word)} is neither a flag nor a task", f"fab {task} {flag} {quoted}"
            )
    return Mistake(f"{task} takes no argument {shown(word)}", f"fab {task} --help")
