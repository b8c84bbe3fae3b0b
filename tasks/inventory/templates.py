"""The hosts file that `fab init` writes."""

from __future__ import annotations

from collections.abc import Sequence

from tasks import runtimes
from tasks.inventory import emit

SCHEMA = "hosts.schema.json"
_LOCAL = ("localhost", "127.0.0.1", "::1")
_LOCAL_HEAD = "  connection: local             # this machine, without SSH"
_REMOTE_HEAD = "  # node_ip: 10.0.0.1           # if it is in several networks"


def starter(hosts: Sequence[str], runtime: str = "uv", schema: str = SCHEMA) -> str:
    """A hosts.yml with comments.

    :param hosts: the first is the head; without any, the head is this machine.

    :param schema: where an editor finds the JSON Schema: a path from the file's folder, or a URI.
    :param runtime: one of :data:`tasks.runtimes.NAMES`.
    """
    head, *workers = hosts or ["localhost"]
    beside_head = _LOCAL_HEAD if head in _LOCAL else _REMOTE_HEAD
    listed = "\n".join(["workers:", *(f"  - {emit.scalar(worker)}" for worker in workers)])
    return f"""\
# yaml-language-server: $schema={schema}
# The machines of the cluster. `fab check` examines them, `fab deploy-cluster` makes a Ray cluster of them.

cluster: ray                    # name of the cluster
runtime: {runtime}

# How the hosts are reached; each host can override these.
# ssh:
#   user: ubuntu                # default: from ~/.ssh/config, as for plain ssh
#   key: ~/.ssh/id_ed25519      # default: the agent and ~/.ssh/config
#   jump: me@bastion:2222

# ray:
#   version: "2.60.0"           # default: the newest that the hosts can run

{runtimes.section_by_name(runtime).STARTER}
head:
  host: {emit.scalar(head)}
{beside_head}

# One line for each machine: an address, a name, or an alias in ~/.ssh/config.
#   - 10.0.0.2
#   - 10.0.0.[10-19]
#   - {{host: mac-mini.lab, user: alice, cpus: 8}}
{listed if workers else "workers: []"}
"""
