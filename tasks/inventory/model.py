"""The keys of hosts.yml. The JSON Schema and the reference in the manual are made from these models."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from tasks.inventory import types as t
from tasks.inventory.hooks import Hooks, Notify
from tasks.inventory.runtime_sections import with_runtimes
from tasks.inventory.sections import Frozen, Mirrors, Ray


class SshKeys(Frozen):
    """How a host is reached: under `ssh:` for all hosts, or directly on a host to override it."""

    user: t.User | None = Field(None, description="user to log in as; null: from ~/.ssh/config")
    port: t.Port | None = Field(None, description="SSH port; null: from ~/.ssh/config, else 22")
    key: t.Text | None = Field(
        None, description="private key file; null: the agent and ~/.ssh/config; relative to the hosts file"
    )
    jump: t.Jump | None = Field(None, description="jump hosts as in ProxyJump, several with commas")
    host_keys: t.HostKeys = Field("accept-new", description="how unknown host keys are treated")
    password: t.Password | None = Field(
        None,
        description="`{env: NAME}`, `{command: ...}`, `{prompt: true}`, or text in the file (with a warning)",
    )
    sudo_password: t.Password | None = Field(
        None, description="for sudo, if it asks for a password; same forms as `password`"
    )
    connect_timeout: t.Seconds = Field(10.0, description="seconds until a host counts as unreachable")


class Ssh(SshKeys):
    """Defaults for every host; each host can override them."""

    parallel: t.Parallel = Field(50, description="connections that are opened at the same time")


_OVERRIDES = "overrides keys of the cluster's section"


class _HostKeys(SshKeys):
    """What a host has before the sections of runtimes."""

    host: t.HostPattern = Field(
        description="address, name or alias in ~/.ssh/config; `user@host:port` and ranges "
        "such as `10.0.0.[10-19]` or `node[01-32].lab` work too"
    )
    name: t.HostName | None = Field(None, description="name in tables; null: same as `host`")
    connection: t.Via = Field(
        "ssh", description="local: this machine, without SSH; openssh: through the system's own ssh client"
    )
    runtime: t.Runtime | None = Field(None, description="null: same as the cluster")
    node_ip: t.IpPattern | None = Field(
        None, description="address that Ray uses; null: an address of this host that the head can reach"
    )
    cpus: t.Count | None = Field(None, description="CPUs that Ray may use; null: all")
    gpus: t.Count | None = Field(None, description="GPUs that Ray may use; null: all")
    memory: t.SizeText | None = Field(
        None, description="memory that Ray may give to tasks; null: Ray decides"
    )
    resources: dict[t.Text, t.Amount] = Field({}, description="custom resources of the Ray node")
    labels: dict[t.LabelKey, t.LabelValue] = Field({}, description="labels of the Ray node")
    ray: Ray | None = Field(None, description=_OVERRIDES)


class HostEntry(
    with_runtimes(_HostKeys, lambda name, section: (section | None, Field(None, description=_OVERRIDES)))
):
    """One machine, or several if the address is a range. The short form is the address alone."""

    mirrors: Mirrors | None = Field(None, description=_OVERRIDES)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"host": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "minLength": 1}, handler(schema)]}


class _DefaultKeys(Frozen):
    """What the cluster has before the sections of runtimes."""

    cluster: t.ClusterName = Field("ray", description="name of the cluster; part of paths on the hosts")
    runtime: t.Runtime = Field("uv", description="what Ray runs in; a host can override it")
    ssh: Ssh = Field(Ssh(), description="how the hosts are reached")
    ray: Ray = Field(Ray(), description="Ray itself")


class Defaults(
    with_runtimes(
        _DefaultKeys,
        lambda name, section: (section, Field(section(), description=f"for hosts with `runtime: {name}`")),
    )
):
    """Settings for all hosts."""

    mirrors: Mirrors = Field(Mirrors(), description="where downloads come from")
    groups: dict[t.GroupName, t.Group] = Field(
        {},
        description="names for some of the hosts, for `--limit @NAME`; each is a list of what `--limit` takes: "
        "names, addresses, ranges, globs, `label:KEY=VALUE`, other groups such as `@gpu`, `!` before what is left out",
    )
    hooks: Hooks = Field(Hooks(), description="scripts that run around a deploy")
    notify: Notify = Field(Notify(), description="who is told of results")


class HostsFile(Defaults):
    """A Ray cluster as a list of machines."""

    head: HostEntry = Field(description="the host that leads the cluster; it runs tasks too")
    workers: tuple[HostEntry, ...] | None = Field((), description="the other hosts")
