"""check, init."""

from __future__ import annotations

from tasks.commandline import options


@options.task(
    iterable=["limit"],
    help={
        **options.WITH_LIMIT,
        "json": "print machine-readable JSON on stdout, and nothing else",
        "schema": "print the JSON Schema of the hosts file and exit",
    },
)
def check(c, hosts_file=None, limit=None, json=False, schema=False, debug=False):
    """
    Check the hosts file and every host; change nothing.
    """
    from json import dumps

    from tasks.actions import check
    from tasks.inventory.schema import json_schema

    if schema:
        print(dumps(json_schema(), indent=2, ensure_ascii=False))
    else:
        check.examine(hosts_file, limit, as_json=json, debug=debug)


@options.task(
    iterable=["host"],
    help={
        "hosts_file": "file to write (default: $RAY_HOSTS_FILE, else my_hosts.yml beside the fabfile)",
        "host": "machines or ranges, comma-separated or repeated; the first is the head (default: this machine); "
        "with --from: hosts and groups of that file",
        "from_": "take the machines from ~/.ssh/config, an Ansible inventory or a configuration of ray up",
        "runtime": "docker, conda or uv (default uv)",
        "force": "overwrite an existing file",
        "no_connect": "don't try the connection to each host",
    },
)
def init(c, host=None, from_=None, runtime=None, hosts_file=None, force=False, no_connect=False):
    """
    Write a commented hosts file to start from.

    Without --hosts-file it is my_hosts.yml beside the fabfile, which git ignores and every task reads from then on
    in place of the hosts.yml that comes with this project. With --from it has the machines of another tool's file:
      fab init --from ~/.ssh/config --host head,node1
      fab init --from inventory.ini --host gpu
    """
    from tasks.actions import first_file
    from tasks.report import handover
    from tasks.report.console import Console

    console = Console()
    path = first_file.write(host or [], runtime, hosts_file, force=force, source=from_, console=console)
    console.ok(f"wrote {path}")
    if not no_connect:
        first_file.try_hosts(path, console)
    handover.commands(console, [("check", "check every host"), ("deploy-cluster", "make the cluster")])
