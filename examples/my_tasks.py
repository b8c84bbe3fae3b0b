"""Three tasks of your own. Copy this file to my_tasks.py beside the fabfile, and change what you like:

    cp examples/my_tasks.py my_tasks.py
    ./fab --list

An update of the project leaves my_tasks.py alone.
"""

import csv
import shlex
from pathlib import Path

from fabric import task
from fabric.exceptions import GroupException

from tasks.hosts import hosts

LIMIT = "only these hosts: names, addresses, globs, with commas"

MOUNT = """
mkdir -p "$1"
grep -qxF "$2" /etc/fstab || printf '%s\\n' "$2" >>/etc/fstab
mountpoint -q "$1" || mount "$1"
"""
REPLACE = """
if ! cmp -s "$1" "$2"; then
    install -m 644 "$1" "$2"
    systemctl restart "$3"
    echo "$3 restarted"
fi
rm -f "$1"
"""
REPORT = "uname -r; nproc; df -Pk / | awk 'NR == 2 { print $4 }'"


def script(text, *arguments):
    """A shell script that ends at its first error; its arguments are quoted."""
    return shlex.join(["sh", "-euc", text, "my-task", *arguments])


@task(
    help={
        "source": "what to mount: nas:/data, /dev/sdb1",
        "folder": "where",
        "kind": "type of the file system",
        "options": "as in /etc/fstab",
        "limit": LIMIT,
    }
)
def mount(c, source, folder="/data", kind="nfs", options="defaults,_netdev", limit=None):
    """Mount a file system on all hosts, now and after each reboot."""
    line = f"{source} {folder} {kind} {options} 0 0"
    hosts(limit).sudo(script(MOUNT, folder, line))


@task(
    help={
        "file": "the file on this machine",
        "to": "its place on the hosts",
        "service": "the systemd service that reads it",
        "limit": LIMIT,
    }
)
def configure(c, file, to, service, limit=None):
    """Copy a file to all hosts, and restart its service where the file was another one."""
    fleet = hosts(limit)
    fleet.carry(Path(file), ".cache/my-tasks/new")
    fleet.sudo(script(REPLACE, ".cache/my-tasks/new", to, service))


@task(help={"output": "the file to write", "limit": LIMIT})
def report(c, output="report.csv", limit=None):
    """Write kernel, cores and free disk space of all hosts into a CSV file."""
    failure = None
    try:
        results = hosts(limit).run(REPORT, hide=True)
    except GroupException as error:
        failure, results = error, error.result.succeeded
    with open(output, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["host", "kernel", "cores", "free KiB"])
        for connection, result in results.items():
            table.writerow([connection.name, *result.stdout.split()])
    print(f"{output}: {len(results)} hosts")
    if failure:
        raise failure
