"""Fabric's and Invoke's own flags: each is honoured or refused, before anything is connected.

A flag that is accepted and does nothing is a trap: ``--dry destroy`` must be dry. So each of them is in exactly one
of the tables below, and tests/commandline compares them with the flags of the installed versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from invoke import Argument
from invoke.parser import ParserContext
from invoke.parser.context import to_flag

from tasks.commandline.mistakes import Mistake
from tasks.text.wording import shown

# Flags that the program itself handles, for every task.
OWN = {
    "complete": "shell completion candidates, as Fabric prints them",
    "collection": "use another fabfile",
    "help": "show help for a task",
    "list": "list the tasks",
    "list-agent-keys": "show the keys of the SSH agent",
    "list-depth": "how many levels of groups --list shows",
    "list-format": "the format of --list",
    "print-completion-script": "the same as fab completion",
    "search-root": "where to look for the fabfile",
    "version": "show the version",
}
# Flags that become a flag of the task: the first of these that the task has.
BECOMES = {
    "debug": ("debug",),
    "dry": ("dry-run",),
    "hosts": ("limit", "host"),
}
# Flags that this project's tasks do not support, and what to use instead.
REFUSED = {
    "command-timeout": "each step has its own time limit",
    "config": "settings are read from the hosts file: --hosts-file names it",
    "connect-timeout": "connect_timeout: under ssh: in the hosts file",
    "echo": "--debug shows every script",
    "hide": "fab TASK >/dev/null hides the output; the exit status stays",
    "identity": "key: under ssh: in the hosts file",
    "no-dedupe": "Fabric runs each task as often as it is named",
    "prompt-for-login-password": "password: {prompt: true} under ssh: in the hosts file",
    "prompt-for-passphrase": "passphrases are asked for when they are needed",
    "prompt-for-sudo-password": "sudo_password: {prompt: true} under ssh: in the hosts file",
    "pty": "fab ssh --host HOST -- COMMAND runs it on a terminal",
    "ssh-config": "~/.ssh/config is read; key:, user:, port: and jump: in the hosts file",
    "warn-only": "a host that fails never stops the others",
    "write-pyc": "compiled files are always written",
}


def given(core: ParserContext) -> dict[str, object]:
    """The core flags that were typed, by their main name."""
    typed_ones = [
        one for one in core.args.values() if one.got_value and one.value and one.value != one.default
    ]
    return {main_name(one): one.value for one in typed_ones}


def main_name(argument: Argument) -> str:
    """The long name of a flag; Fabric's begin with the short one, Invoke's with the long one."""
    return max(argument.names, key=len)


def apply(core: ParserContext, contexts: Iterable[ParserContext], more: Mapping[str, object] = {}) -> None:
    """Gives each core flag to the tasks that it is for.

    :param contexts: the tasks to run, all of this project.
    :param more: core flags from elsewhere (a configuration file, the environment).
    :raises Mistake: a task cannot honour one of them.
    """
    contexts = list(contexts)
    for name, value in {**more, **given(core)}.items():
        flag = spelled(core, name)
        if name in REFUSED:
            raise Mistake(f"{flag} does nothing for {contexts[0].name}", REFUSED[name])
        for context in contexts if name in BECOMES else ():
            _hand_over(context, flag, BECOMES[name], value)


def spelled(core: ParserContext, name: str) -> str:
    """A flag in all its spellings: ``-H/--hosts``."""
    known = next((one for one in core.args.values() if main_name(one) == name), None)
    names = known.names if known else (name,)
    return "/".join(sorted(map(to_flag, names), key=len))


def _hand_over(context: ParserContext, flag: str, names: tuple[str, ...], value: object) -> None:
    target = next((context.args[name] for name in names if name in context.args), None)
    if target is None:
        known = " or ".join(f"--{name}" for name in names)
        raise Mistake(
            f"{flag} does nothing for {context.name}, which has no {known}", f"fab {context.name} --help"
        )
    if isinstance(value, bool):
        target.set_value(value, cast=False)
        return
    if target.got_value and target.value:
        raise Mistake(
            f"{flag} {shown(value)} and --{target.names[0]} both name hosts", f"only --{target.names[0]}"
        )
    target.set_value(str(value))
