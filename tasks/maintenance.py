"""drain, maintenance."""

from __future__ import annotations

from tasks.commandline import options

HOST = "workers of the hosts file: names, addresses or globs; comma-separated, as a range, or repeated"


@options.task(
    iterable=["host"],
    help={
        **options.COMMON,
        "host": HOST,
        "deadline": options.DEADLINE,
        "yes": options.YES,
    },
)
def drain(c, host=None, hosts_file=None, deadline=options.TEN_MINUTES, yes=False, debug=False):
    """
    Let the work on workers end or move, then stop them.

    They stay stopped until fab start or deploy-cluster. It asks before it ends running work.
    """
    from tasks.actions import changing, cli, summary
    from tasks.phases import operation

    run = changing.workers_run("drain", hosts_file, host, deadline=deadline, yes=yes, debug=debug)
    cli.finish(run, operation.DRAIN, summary.drained)


@options.task(
    positional=["switch"],
    iterable=["host"],
    help={
        **options.COMMON,
        "switch": "on: drain and stop workers, and leave them alone until off; off: start them again",
        "host": HOST,
        "why": "the reason, which status shows",
        "deadline": options.DEADLINE,
        "yes": options.YES,
    },
)
def maintenance(
    c,
    switch,
    host=None,
    hosts_file=None,
    why=None,
    deadline=options.TEN_MINUTES,
    yes=False,
    debug=False,
):
    """
    Take workers out for maintenance, and bring them back.

    on drains and stops them, also for reboots, and deploy-cluster leaves them alone. off starts
    them, and runs a task on each. It asks before it ends running work.
    """
    from tasks.actions import changing, cli, summary
    from tasks.commandline import Mistake
    from tasks.phases import operation
    from tasks.text.wording import shown

    if switch not in ("on", "off"):
        raise Mistake(
            f"maintenance is on or off, got {shown(switch)}", "fab maintenance on --host X --why TEXT"
        )
    on = switch == "on"
    if on and not (why and why.strip()):
        raise Mistake("maintenance on needs --why", 'fab maintenance on --host X --why "disk is replaced"')
    if not on and why:
        raise Mistake("--why is for maintenance on", "fab maintenance off --host X")
    run = changing.workers_run(
        f"maintenance {switch}",
        hosts_file,
        host,
        deadline=deadline,
        yes=yes,
        debug=debug,
        why=(why or "").strip(),
        everyone=not on,
    )
    if on:
        cli.finish(run, operation.MAINTENANCE_ON, summary.in_maintenance)
    else:
        cli.finish(run, operation.MAINTENANCE_OFF, summary.deployed)
