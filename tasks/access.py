"""exec, ssh, dashboard, submit."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable

from invoke import Exit

from tasks import cli
from tasks.commandline import line
from tasks.phases import connect, facts, operation
from tasks.phases.run import Node, Run, Stop
from tasks.remote import openssh_argv
from tasks.render.operations import command_script
from tasks.report import handover
from tasks.report.console import Board, Console

COMMON = {"hosts_file": cli.HOSTS_FILE, "limit": cli.LIMIT, "debug": cli.DEBUG}


def remainder(command: str | None) -> list[str]:
    """What stands behind ``--`` on the command line, or in ``--command``, as words."""
    return shlex.split(command) if command else list(line.remainder)


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


@cli.task(name="exec", help={**COMMON, "command": "the command as one word, instead of behind --"})
def exec_(c, command=None, hosts_file=None, limit=None, debug=False):
    """
    Run a command on every host, in the node's own environment: fab exec -- ray --version
    """
    words = remainder(command)
    console = Console()
    if not words:
        console.bad("no command", f"{handover.program()} exec -- ray --version")
        raise Exit(code=2)
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(cluster, console, f"exec {shlex.join(words)}", limit=limit, debug=debug)
    run.nodes = [n for n in run.nodes if run.limit is None or n.name in run.limit]
    width = max(len(n.name) for n in run.nodes)

    def work(run: Run) -> None:
        def one(node: Node, board: Board) -> int:
            print_line = without_last_blank(
                lambda line: print(f"{node.name.ljust(width)} {line}", flush=True)
            )
            script = command_script(run.cluster.name, words, sudo=node.sudo)
            answer = node.connection.run(
                node.text_of(script), secrets=node.secrets(), timeout=86400.0, on_line=print_line
            )
            if answer.status:
                raise Stop(f"ended with status {answer.status}")
            return 0

        run.each(f"Run {shlex.join(words)}", run.living, one)

    cli.finish(run, (*operation.REACH, work))


@cli.task(help={"hosts_file": COMMON["hosts_file"], "host": "which host (default: the head)"})
def ssh(c, host=None, hosts_file=None):
    """
    Open a shell on a host, with the hosts file's user, port, key and jump host.
    """
    console = Console()
    cluster = cli.read(hosts_file, console)
    chosen = host or cluster.head.name
    found = next((h for h in cluster.hosts if chosen in (h.name, h.host)), None)
    if found is None:
        console.bad(
            f"{chosen} is not in the hosts file", "known: " + ", ".join(h.name for h in cluster.hosts)
        )
        raise Exit(code=2)
    if found.connection == "local":
        argv = [os.environ.get("SHELL", "/bin/sh")]
    else:
        run = cli.make_run(cluster, console, "ssh", hosts=[found])
        argv = openssh_argv(connect.target_of(run.nodes[0]), run.settings)
    sys.stdout.flush()
    os.execvp(argv[0], argv)


@cli.task(
    help={
        "hosts_file": COMMON["hosts_file"],
        "port": "local port of the tunnel (default: the dashboard's own, or a free one)",
        "token": "show the token that the dashboard asks for",
    }
)
def dashboard(c, hosts_file=None, port=None, token=False):
    """
    Open a tunnel to Ray's dashboard and print its URL; it stays open until Ctrl-C.
    """
    console = Console()
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(cluster, console, "dashboard", hosts=[cluster.head])

    def work(run: Run) -> None:
        from tasks.render.install import token_script

        head = run.head
        if not head.facts.active:
            raise Stop("the head does not run", "fab deploy-cluster starts it")
        remote = head.host.ray.dashboard_port
        if head.subject.state.get("token"):
            if token:
                answer = run.ask(head, token_script(cluster.name), None, timeout=60.0)
                print(answer.values["token"])
            else:
                console.note(
                    f"the dashboard asks for the cluster's token: {handover.program()} dashboard --token shows it"
                )
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
        "command": "the entry point as one word, instead of behind --",
        "no_wait": "do not wait for its end",
        "debug": cli.DEBUG,
    }
)
def submit(c, command=None, hosts_file=None, no_wait=False, debug=False):
    """
    Run a job on the cluster and show its output: fab submit -- python job.py
    """
    words = remainder(command)
    console = Console()
    if not words:
        console.bad(
            "no entry point",
            f"{handover.program()} submit -- python -c 'import ray; ray.init(); print(ray.nodes())'",
        )
        raise Exit(code=2)
    cluster = cli.read(hosts_file, console)
    run = cli.make_run(cluster, console, f"submit {shlex.join(words)}", hosts=[cluster.head], debug=debug)

    def work(run: Run) -> None:
        from tasks.phases.submit import submit_job

        submit_job(run, words, wait=not no_wait)

    cli.finish(run, (connect.run, facts.run, work))
