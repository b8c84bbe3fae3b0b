"""exec, ssh, dashboard."""

from __future__ import annotations

from tasks.commandline import options

COMMAND = "the command as one string, instead of after --"


@options.task(
    name="exec",
    iterable=["limit"],
    help={
        **options.WITH_LIMIT,
        "command": COMMAND,
        "in_host": "on the host itself, not in Ray's environment or container",
        "sudo": "as root, on the host itself",
        "batch": "how many hosts at once, N or P%; a batch in which one fails is the last (default: all at once)",
        "fold": "print equal outputs once, at the end; it is so with more than 20 hosts",
        "all": "print each line as it comes, whatever the number of hosts",
    },
)
def exec_(
    c,
    command=None,
    hosts_file=None,
    limit=None,
    in_host=False,
    sudo=False,
    batch=None,
    fold=False,
    all=False,
    debug=False,
):
    """
    Run a command on every host, in Ray's own environment.

    It runs a program with arguments in the node's environment or container; sh -c takes a line for a shell:
      fab exec -- ray --version
      fab exec --in-host -- sh -c 'df -h | tail -n 1'
    """
    from tasks.actions import cli
    from tasks.commandline import Mistake
    from tasks.commandline.behind import program_and_arguments
    from tasks.phases import operation
    from tasks.phases.run_command import run_command
    from tasks.run.how import How
    from tasks.run.rolling import batch_size
    from tasks.text.quoting import printed

    arguments = program_and_arguments(command, "exec", "ray --version")
    if fold and all:
        raise Mistake("--fold prints equal outputs once, and --all each line", "leave one out")
    try:
        batch_size(batch or "1", 1)
    except ValueError as error:
        raise Mistake(f"--batch: {error}", "--batch 10%") from None
    how = How(in_host, sudo, batch, True if fold else False if all else None)
    run = cli.new_run(hosts_file, f"exec {printed(*arguments)}", limit=limit, debug=debug)
    cli.finish(run, (*operation.REACH, run_command(arguments, how)))


@options.task(
    help={"hosts_file": options.HOSTS_FILE, "host": "which host (default: the head)", "command": COMMAND}
)
def ssh(c, host=None, command=None, hosts_file=None):
    """
    Open a shell on a host, or run one command there.

    User, port, key and jump host are those of the hosts file. A command runs in the login shell of the host, on a
    terminal where there is one:
      fab ssh --host X -- nvidia-smi
    """
    import os

    from tasks.actions import ask, cli
    from tasks.commandline.behind import arguments_of
    from tasks.report.console import Console
    from tasks.run.target import target_of
    from tasks.ssh import openssh_argv

    arguments = arguments_of(command)
    console = Console()
    cluster = cli.read(hosts_file, console)
    found = cli.selected_one(cluster, host) if host else cluster.head
    if found.connection == "local":
        cli.become(arguments or [os.environ.get("SHELL") or "/bin/sh"], console)
    run = cli.make_run(cluster, console, "ssh", hosts=[found])
    cli.become(openssh_argv(target_of(found), run.settings, arguments, terminal=ask.on_terminal()), console)


@options.task(
    help={
        "hosts_file": options.HOSTS_FILE,
        "port": "local port of the tunnel (default: the dashboard's own); a free one where it is in use",
        "token": "show the token that the dashboard asks for",
    }
)
def dashboard(c, hosts_file=None, port=None, token=False):
    """
    Open a tunnel to Ray's dashboard, until Ctrl-C.
    """
    from invoke import Exit

    from tasks.actions import cli
    from tasks.phases import operation
    from tasks.phases.open_tunnel import open_tunnel
    from tasks.run.operate import operate

    port = cli.number("--port", port, 1, 65535) if port else None
    run = cli.new_run(hosts_file, "dashboard", head_only=True)
    code = operate(run, (*operation.FACTS, open_tunnel(port, token=token)))
    if code:
        raise Exit(code=code)
