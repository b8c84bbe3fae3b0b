"""The scripts that are the same for every runtime: lock, reach, driver, logs, stop, destroy, command."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from tasks.inventory import Host
from tasks.node import pruning
from tasks.node.logfiles import ERRORS, Query
from tasks.node.names import RAY_DIR, basics
from tasks.node.start import kinds_value, outside_value, secrets_of
from tasks.script import files
from tasks.script.fragments import fragment
from tasks.script.script import Effect, Script, render


def lock_script(cluster: str, holder: str) -> Script:
    """Takes the cluster's lock on the head.

    :param holder: who holds it, from where, since when and for what; one line.
    """
    return render("take the lock", "lock", {**basics(cluster), "HOLDER": holder}, effect=Effect.LOCKS)


def unlock_script(cluster: str, holder: str, deployed: str | None = None, history: str = "") -> Script:
    """Releases the lock that the same connection took.

    :param deployed: what the head is to remember of deployed hosts, '' for nothing; None: what it has remembered.
    :param history: lines of JSON that the head is to remember of changes.
    """
    values = {**basics(cluster), "HOLDER": holder}
    body = []
    if deployed is not None:
        body, values = ["deployed"], {**values, "DEPLOYED": deployed}
    if history:
        body, values = [*body, "history"], {**values, "HISTORY": history}
    effect = Effect.CHANGES if body else Effect.LOCKS
    return render("release the lock", (*body, "unlock"), values, effect=effect)


def history_script(cluster: str) -> Script:
    """Reads what the head remembers of changes: the lines of ``history``, each an object of JSON."""
    return render("read the history", "history_read", basics(cluster), effect=Effect.READS)


def reach_script(
    cluster: str,
    name: str,
    listen: Sequence[int],
    targets: Sequence[str],
    *,
    token: str,
    seconds: int,
    expect: int = 0,
    version6: bool = False,
) -> Script:
    """Listens on this host's ports while it tries those of other hosts.

    :param name: of this host; with the token it is what a connection reads, so that another host is noticed.
    :param targets: ``name address port ours|theirs``; ours: the same script listens there.
    :param seconds: how long it listens at most.
    :param expect: the number of connections after which nobody else comes.
    """
    values = {
        **basics(cluster),
        "PROGRAM": files.text("drivers", "reach"),
        "ME": name,
        "LISTEN": " ".join(map(str, listen)),
        "TARGETS": "\n".join(targets),
        "TOKEN": token,
        "LIMIT": seconds,
        "EXPECT": expect,
        "V6": version6,
    }
    return render("try the ports between the hosts", "reach", values, effect=Effect.READS)


# The folder in which a driver runs, such as a home folder, may contain a file named ray.py.
_NOT_FROM_HERE = "import sys\n\nsys.path = [place for place in sys.path if place]\n"


@cache
def _driver(name: str) -> str:
    return _NOT_FROM_HERE + files.text("drivers", name)


def verify_script(
    cluster: str,
    address: str,
    expect: Sequence[Sequence[str]],
    *,
    tasks: bool,
    timeout: float,
    answer: float = 30.0,
    sudo: bool = False,
) -> Script:
    """Reads Ray's own node table, and runs one task on every node.

    :param expect: name and address of each node to wait for; an address of '' is any address. Without ``tasks``: of the
        nodes on which a task runs if none has run there yet.
    :param timeout: seconds to wait for them.
    :param answer: seconds within which the GCS must answer.
    """
    spec = json.dumps(
        {
            "address": address,
            "expect": [list(one) for one in expect],
            "tasks": tasks,
            "timeout": timeout,
            "answer": answer,
        }
    )
    values = {**basics(cluster), "DRIVER": _driver("verify"), "SPEC": spec}
    title = "run a task on every node" if tasks else "read Ray's node table"
    return render(
        title,
        "driver",
        values,
        secrets=secrets_of(sudo=sudo),
        effect=Effect.READS,
    )


def work_script(
    cluster: str, address: str, tasks_on: Sequence[str], *, timeout: float, sudo: bool = False
) -> Script:
    """Reads from Ray what is running, without creating a job.

    :param tasks_on: addresses of the nodes whose running tasks are counted.
    """
    spec = json.dumps({"address": address, "tasks_on": list(tasks_on), "timeout": timeout})
    values = {**basics(cluster), "DRIVER": _driver("work"), "SPEC": spec}
    secrets = secrets_of(sudo=sudo)
    return render(
        "check running work",
        "driver",
        values,
        secrets=secrets,
        effect=Effect.READS,
    )


def drain_script(
    cluster: str,
    address: str,
    nodes: Sequence[Sequence[str]],
    *,
    seconds: int,
    why: str,
    sudo: bool = False,
) -> Script:
    """Asks Ray to drain nodes, and waits until they have left its node table.

    :param nodes: name, address and id of each node; an address or id of '' is any.
    :param seconds: how long it waits.
    :param why: the reason that Ray records.
    """
    spec = json.dumps(
        {"address": address, "nodes": [list(one) for one in nodes], "seconds": seconds, "why": why}
    )
    values = {**basics(cluster), "DRIVER": _driver("drain"), "SPEC": spec}
    return render("drain", "driver", values, secrets=secrets_of(sudo=sudo))


def outlive_script(cluster: str, do: str, address: str, *, limit: float, sudo: bool = False) -> Script:
    """Makes, looks at, or cleans up something on a worker that outlives its head. :param do: make, look or clean."""
    spec = json.dumps({"do": do, "address": address, "limit": limit})
    values = {**basics(cluster), "DRIVER": _driver("outlive"), "SPEC": spec}
    return render("look at what outlives the head", "driver", values, secrets=secrets_of(sudo=sudo))


def kill_script(cluster: str, what: str, *, sudo: bool = False) -> Script:
    """Kills a head as a crash would. :param what: gcs, or all of it; its supervisor is left alone."""
    values = {**basics(cluster), "KILLED": what}
    return render("kill the head", "head_kill", values, secrets=secrets_of(sudo=sudo))


def stop_script(cluster: str, *, sudo: bool = False) -> Script:
    """Stops the node under any supervisor, and keeps it from starting at the next boot."""
    values = {**basics(cluster), **kinds_value()}
    return render("stop Ray", "stop", values, secrets=secrets_of(sudo=sudo))


def destroy_script(host: Host, cluster: str, *, sudo: bool = False, purge: bool = False) -> Script:
    """Stops the node and removes what this project put on the host.

    :param purge: also remove a conda that this project installed; otherwise it stays (the answer has ``kept``).
    """
    values = {**basics(cluster), "TEMP_DIR": RAY_DIR, "PURGE": purge, **kinds_value(), **outside_value()}
    return render("remove everything", "destroy", values, secrets=secrets_of(sudo=sudo))


def logs_script(
    host: Host, cluster: str, patterns: Sequence[str], lines: int, *, follow: bool, sudo: bool = False
) -> Script:
    """The last ``lines`` lines of each file that matches ``patterns``; with ``follow`` also new lines as they come."""
    values = {**basics(cluster), "TEMP_DIR": RAY_DIR, "LINES_EACH": lines, "PATTERNS": list(patterns)}
    body = "follow" if follow else "logs"
    return render(
        "read logs",
        body,
        values,
        secrets=secrets_of(sudo=sudo),
        effect=Effect.READS,
    )


def pick_script(cluster: str, query: Query, *, sudo: bool = False) -> Script:
    """The lines that a query asks for; not for Windows. The answer has ``other`` where no such node has run."""
    values = {
        **basics(cluster),
        "TEMP_DIR": RAY_DIR,
        "LINES_EACH": query.lines,
        "PATTERNS": list(query.patterns),
        "AGE": "" if query.age is None else query.age,
        "ERRORS": ERRORS if query.errors else "",
        "NODE_ID": query.node_id,
    }
    return render("read logs", "logs_pick", values, secrets=secrets_of(sudo=sudo), effect=Effect.READS)


def collect_script(cluster: str, mode: str, budget: int, each: int, *, sudo: bool = False) -> Script:
    """What is needed to find a fault; not for Windows.

    :param mode: size: how many bytes that would be; all: the files themselves.
    :param budget: at most so many bytes of logs. :param each: of each file.
    """
    values = {**basics(cluster), "TEMP_DIR": RAY_DIR, "MODE": mode, "BUDGET": budget, "EACH": each}
    title = "measure the logs" if mode == "size" else "collect"
    return render(title, "collect", values, secrets=secrets_of(sudo=sudo), effect=Effect.READS)


def job_ids_script(cluster: str, address: str, job: str, *, sudo: bool = False) -> Script:
    """Asks Ray which of its own ids a submitted job has; the answer is their JSON."""
    spec = json.dumps({"address": address, "job": job, "timeout": 20})
    values = {**basics(cluster), "DRIVER": _driver("job_ids"), "SPEC": spec}
    return render("look the job up", "driver", values, secrets=secrets_of(sudo=sudo), effect=Effect.READS)


def command_script(cluster: str, arguments: Sequence[str], *, sudo: bool = False) -> Script:
    """Runs one program with its arguments, in the node's own environment.

    The answer has ``missing`` if the program doesn't exist (127) or isn't executable (126).
    """
    values = {**basics(cluster), "PROGRAM": fragment("program").text, "COMMAND": list(arguments)}
    return render("run a command", "command", values, secrets=secrets_of(sudo=sudo))


def host_command_script(cluster: str, arguments: Sequence[str], *, root: bool, sudo: bool = False) -> Script:
    """As :func:`command_script`, on the host itself, outside the node's environment. :param root: with sudo."""
    values = {"PROGRAM": fragment("program").text, "COMMAND": list(arguments), "AS_ROOT": root}
    return render(
        "run a command", "host_command", {**basics(cluster), **values}, secrets=secrets_of(sudo=sudo)
    )


def submit_script(
    host: Host,
    cluster: str,
    spec: Mapping[str, Any],
    archive: str = "",
    arguments: Sequence[str] = (),
    *,
    variables: bool = False,
    sudo: bool = False,
) -> Script:
    """Submits a job on the head, follows one, or stops one.

    :param spec: what the driver is to do, see ``drivers/submit.py``; Ray refuses a second job with the same id.
    :param archive: a tar of the job's folder on the host, or ''.
    :param variables: the secret ``RF_JOB_ENV`` comes with the script: the job's environment variables, as JSON.
    """
    values = {
        **basics(cluster),
        "ARCHIVE": archive,
        "SPEC": json.dumps(spec, sort_keys=True),
        "DRIVER": _driver("submit"),
        "COMMAND": list(arguments),
    }
    secrets = (*secrets_of(sudo=sudo), *(("RF_JOB_ENV",) if variables else ()))
    titles = {"submit": "submit a job", "follow": "follow a job", "stop": "stop a job"}
    return render(titles[spec["do"]], "submit", values, secrets=secrets)


def disk_script(host: Host, cluster: str, mode: str, *, sudo: bool = False) -> Script:
    """What takes up space on the host.

    :param mode: sizes: all of it; list: what ``clean`` would remove; clean: removes it.
    """
    logs = host.ray.logs
    values = {**basics(cluster), "TEMP_DIR": RAY_DIR, "MODE": mode, "PRUNER": pruning.program()}
    values |= {"PRUNER_WINDOWS": pruning.program_for_windows()}
    values |= {"MAX": logs.max.bytes, "DAYS": logs.days, "FILES": logs.files}
    effect = Effect.CHANGES if mode == "clean" else Effect.READS
    title = "remove what nothing needs" if mode == "clean" else "measure what takes up space"
    return render(title, "disk", values, secrets=secrets_of(sudo=sudo), effect=effect)
