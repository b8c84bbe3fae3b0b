"""The hosts file that `fab init` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks import runtimes
from tasks.inventory import emit

SCHEMA = "hosts.schema.json"
_LOCAL = ("localhost", "127.0.0.1", "::1")
_LOCAL_HEAD = "  connection: local             # this machine, without SSH"
_SSH = """\
# ssh:
#   user: ubuntu                # default: from ~/.ssh/config, as for plain ssh
#   key: ~/.ssh/id_ed25519      # default: the agent and ~/.ssh/config
#   jump: me@bastion:2222"""
_REMOTE_HEAD = "  # node_ip: 10.0.0.1           # if it is in several networks"


Entry = tuple[str, Mapping[str, Any]]


def starter(
    hosts: Sequence[Entry],
    runtime: str = "uv",
    schema: str = SCHEMA,
    ssh: Mapping[str, Any] = {},
    sections: Mapping[str, Any] = {},
) -> str:
    """A hosts.yml with comments.

    :param hosts: each with its other keys; the first is the head; without any, the head is this machine.
    :param ssh: keys of ``ssh:``.
    :param sections: other keys of the cluster; that of the runtime replaces its commented example.

    :param schema: where an editor finds the JSON Schema: a path from the file's folder, or a URI.
    :param runtime: one of :data:`tasks.runtimes.NAMES`.
    """
    (head, fields), *workers = hosts or [("localhost", {})]
    beside_head = _LOCAL_HEAD if head in _LOCAL and not fields else _REMOTE_HEAD
    if fields:
        beside_head = "\n".join(f"  {line}" for line in _lines(fields))
    listed = "\n".join(["workers:", *(f"  - {emit.host_inline(*worker)}" for worker in workers)])
    reached = "\n".join(["ssh:", *(f"  {line}" for line in _lines(ssh))]) if ssh else _SSH
    own = sections.get(runtime)
    if own:
        example = "\n".join([f"{runtime}:", *(f"  {line}" for line in _lines(own)), ""])
    else:
        example = runtimes.section_by_name(runtime).STARTER
    return f"""\
# yaml-language-server: $schema={schema}
# The machines of the cluster. `fab check` examines them, `fab deploy-cluster` makes a Ray cluster of them.

cluster: {emit.scalar(sections.get("cluster", "ray"))}                    # name of the cluster
runtime: {runtime}

# How the hosts are reached; each host can override these.
{reached}

# ray:
#   version: "2.60.0"           # default: the newest that the hosts can run

{example}
head:
  host: {emit.scalar(head)}
{beside_head}

# One line for each machine: an address, a name, or an alias in ~/.ssh/config.
#   - 10.0.0.2
#   - 10.0.0.[10-19]
#   - {{host: mac-mini.lab, user: alice, cpus: 8}}
{listed if workers else "workers: []"}
"""


def _lines(fields: Mapping[str, Any]) -> list[str]:
    return [f"{key}: {emit.scalar(v) if isinstance(v, str) else emit.inline(v)}" for key, v in fields.items()]
