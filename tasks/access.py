"""exec, ssh, dashboard, submit."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable

from invoke import Exit

from tasks import ask, cli
from tasks.commandline import Mistake, line
from tasks.commandline.mistakes import SHELL_SIGNS
from tasks.inventory import Cluster, Host
from tasks.inventory.problems import shown
from tasks.node.operations import command_script
from tasks.phases import connect, operation
from tasks.report.console import Board, Console
from tasks.run import facts
from tasks.run.run import Node, Run, Stop
from tasks.ssh import Answer, openssh_argv

COMMON = {"hosts_file": cli.HOSTS_FILE, "limit": cli.LIMIT, "debug": cli.DEBUG}


def remainder(command: str | None) -> list[str]:
    """The arguments behind ``--`` on the command line, or those in ``--command``."""
    if command and line.remainder:
        raise Mistake("a command was given both in --command and after --", "keep one of them")
    try:
        return shlex.split(command) if command else list(line.remainder)
    except ValueError as error:
        raise Mistake(
            f"--command: {str(error)[:1].lower()}{str(error)[1:]}", "quote it as for a shell"
        ) from None


def program_and_arguments(command: str | None, task: str, example: str) -> list[str]:
    """As :func:`remainder`; refuses nothing at all, and a line for a shell that stands there as one argument."""
    arguments = remainder(command)
    if not arguments:
        raise Mistake(f"{task} needs a command after --", f"fab {task} -- {example}")
    if len(arguments) == 1 and SHELL_SIGNS.search(arguments[0]):
        raise Mistake(
            f"{task} runs a program with arguments, not a shell command line: {shown(arguments[0])}",
            f"fab {task} -- sh -c {shlex.quote(arguments[0])}",
        )
    return arguments


def without_last_blank(show: Callable[[str], None]) -> Callable[[str], None]:
    """Holds empty lines back until another follows: the answer's end brings one along."""
    held = 0

    def line(text: str) -> None:
        nonlocal held
        if text:
            for _ in range(held):
                show("")
            held = 0
            show(text)
        else:
            held += 1

    return line


@cli.task(
    name="exec",
    iterable=["limit"],
    help={**COMMON, "command": "the command as one string, instead of after --"},
)
def exec_(c, command=None, hosts_file=None, limit=None, debug=False):
    """
    Run a command on every host, in Ray's own environment.

    It runs a program with arguments in the node's environment or container; sh -c takes a line for a shell:
      fab exec -- ray --version
      fab exec -- sh -c 'df -h | tail -n 1'
    """
    arguments = program_and_arguments(command, "exec", "ray --version")
    console = Console()
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(cluster, console, f"exec {shlex.join(arguments)}", limit=limit, debug=debug)
    run.nodes = [n for n in run.nodes if run.limit is None or n.name in run.limit]
    width = max(len(n.name) for n in run.nodes)

    def work(run: Run) -> None:
        def one(node: Node, board: Board) -> int:
            def show(line: str) -> None:
                if console.gone:
                    raise Stop("the output is no longer read")
                print(f"{node.name.ljust(width)} {line}", flush=True)

            print_line = without_last_blank(show)
            script = command_script(run.cluster.name, arguments, sudo=node.sudo)
            answer = node.connection.run(
                node.text_of(script), secrets=node.secrets(), timeout=86400.0, on_line=print_line
            )
            ended(answer, arguments)
            return 0

        run.each(f"Run {shlex.join(arguments)}", run.living, one)

    cli.finish(run, (*operation.REACH, work))


def ended(answer: Answer, arguments: list[str]) -> None:
    """Raises Stop unless the command itself has ended with 0."""
    if not answer.ended:
        raise Stop(answer.error or "the connection closed before the command finished", answer.hint)
    if "missing" in answer.values:
        what = "there is no program" if answer.status == 127 else "this cannot be executed:"
        raise Stop(f"{what} {shown(arguments[0])}", "for a shell command line: fab exec -- sh -c '...'")
    if answer.status:
        raise Stop(f"ended with status {answer.status}")


@cli.task(
    help={
        "hosts_file": COMMON["hosts_file"],
        "host": "which host (default: the head)",
        "command": "the command as one string, instead of after --",
    }
)
def ssh(c, host=None, command=None, hosts_file=None):
    """
    Open a shell on a host, or run one command there.

    User, port, key and jump host are those of the hosts file. A command runs in the login shell of the host, on a
    terminal where there is one:
      fab ssh --host X -- nvidia-smi
    """
    arguments = remainder(command)
    console = Console()
    cluster = cli.read(hosts_file, console)
    found = one_host(cluster, host) if host else cluster.head
    if found.connection == "local":
        argv = arguments or [os.environ.get("SHELL") or "/bin/sh"]
    else:
        run = cli.make_run(cluster, console, "ssh", hosts=[found])
        argv = openssh_argv(
            connect.target_of(run.nodes[0]), run.settings, arguments, terminal=ask.on_terminal()
        )
    sys.stdout.flush()
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        console.bad(f"{shown(argv[0])} cannot be run here: {error.strerror}")
        raise Exit(code=1) from None


def one_host(cluster: Cluster, expression: str) -> Host:
    """The one host that --host names, or exit status 2."""
    names = cli.limited(cluster, expression, flag="--host")
    if len(names) > 1:
        raise Mistake(
            f"--host {shown(expression)} matches {len(names)} hosts, and exactly one is needed",
            "name one of them",
        )
    return next(host for host in cluster.hosts if host.name in names)


@cli.task(
    help={
        "hosts_file": COMMON["hosts_file"],
        "port": "local port of the tunnel (default: the dashboard's own, or a free one)",
        "token": "show the token that the dashboard asks for",
    }
)
def dashboard(c, hosts_file=None, port=None, token=False):
    """
    Open a tunnel to Ray's dashboard, until Ctrl-C.
    """
    console = Console()
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(cluster, console, "dashboard", hosts=[cluster.head])

    def work(run: Run) -> None:
        from tasks.node.install import token_script

        head = run.head
        if not head.facts.active:
            raise Stop("the head isn't running", "fab deploy-cluster starts it")
        remote = head.host.ray.dashboard_port
        if head.subject.state.get("token"):
            if token:
                answer = run.ask(head, token_script(cluster.name), None, timeout=60.0)
                print(answer.values["token"])
            else:
                console.note("the dashboard asks for the cluster's token: fab dashboard --token shows it")
        if head.host.connection == "local":
            console.ok(f"http://127.0.0.1:{remote}")
            return
        wanted = cli.number("--port", port, 1, 65535) if port else remote
        for local in (wanted, 0):
            try:
                with head.connection.forward_local(local, "127.0.0.1", remote) as opened:
                    console.ok(f"http://127.0.0.1:{opened}", "Ctrl-C closes the tunnel")
                    while True:
                        time.sleep(3600)
            except OSError as error:
                if port or local == 0:
                    raise Stop(
                        f"cannot listen on port {local}: {error.strerror}", "choose another --port"
                    ) from None

    code = operation.operate(run, (connect.run, facts.run, work))
    if code not in (0, 130):
        raise Exit(code=code)


@cli.task(
    help={
        "hosts_file": COMMON["hosts_file"],
        "command": "the entry point as one string, instead of after --",
        "no_wait": "don't wait for the job to finish",
        "debug": cli.DEBUG,
    }
)
def submit(c, command=None, hosts_file=None, no_wait=False, debug=False):
    """
    Run a job on the cluster and show its output.

    The current folder goes along where the command names a file in it:
      fab submit -- python job.py
    """
    words = program_and_arguments(command, "submit", "python job.py")
    console = Console()
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(cluster, console, f"submit {shlex.join(words)}", hosts=[cluster.head], debug=debug)

    def work(run: Run) -> None:
        from tasks.phases.submit import submit_job

        submit_job(run, words, wait=not no_wait)

    cli.finish(run, (connect.run, facts.run, work))
