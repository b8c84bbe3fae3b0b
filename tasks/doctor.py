"""doctor."""

from __future__ import annotations

from tasks.commandline import options


@options.task(
    iterable=["limit", "host"],
    help={
        **options.WITH_LIMIT,
        "full": "try the ports between all pairs of hosts, and measure more of them",
        "fix": "repair what can be repaired safely, and say what was done",
        "json": "print machine-readable JSON on stdout, and nothing else",
        "schema": "print the JSON Schema of that output and exit",
        "burn_in": "instead of the checks load the hosts for so long, such as 10m, and compare them",
        "host": "with --burn-in: load only these hosts",
    },
)
def doctor(
    c,
    hosts_file=None,
    limit=None,
    full=False,
    fix=False,
    json=False,
    schema=False,
    burn_in="",
    host=None,
    debug=False,
):
    """
    Examine hosts thoroughly: ports, speed, clocks, disks, GPUs.

    Before a deploy and on a running cluster; fab check is the quick look. Each pair that is measured gets 2 seconds.
    A burn-in loads CPU, memory, disk, network and GPU, compares each result with the known one, and each host with
    the median, so that a slow one shows.
    """
    from json import dumps

    from invoke import Exit

    from tasks.actions import doctor
    from tasks.commandline import Mistake
    from tasks.report.doctor import schema as of_report

    if schema:
        print(dumps(of_report(), indent=2, ensure_ascii=False))
        return
    if host and not burn_in:
        raise Mistake("--host is for --burn-in", "--limit chooses the hosts that are examined")
    if burn_in and (fix or full):
        raise Mistake("--burn-in goes with neither --fix nor --full", "one after the other")
    if burn_in:
        code = doctor.burn_in(hosts_file, limit, burn_in, host or [], as_json=json, debug=debug)
    else:
        code = doctor.examine(hosts_file, limit, full=full, fix=fix, as_json=json, debug=debug)
    if code:
        raise Exit(code=code)
