"""What can be written in hosts.yml. JSON Schema and the README's reference are made from these models."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from tasks.inventory import types as t
from tasks.inventory.sections import Conda, Docker, Frozen, Mirrors, Ray, Uv


class SshKeys(Frozen):
    """How a host is reached; under `ssh:` for all of them, and flat on a host that differs."""

    user: t.User | None = Field(None, description="login user; null: from ~/.ssh/config")
    port: t.Port | None = Field(None, description="SSH port; null: from ~/.ssh/config, else 22")
    key: t.Text | None = Field(
        None, description="private key file, relative to the hosts file; null: the agent and ~/.ssh/config"
    )
    jump: t.Jump | None = Field(None, description="jump hosts as in ProxyJump, comma-separated")
    host_keys: t.HostKeys = Field("accept-new", description="how an unknown host key is handled")
    password: t.Password | None = Field(
        None, description="`{env: NAME}`, `{command: ...}`, `{prompt: true}`, or plain text (with a warning)"
    )
    sudo_password: t.Password | None = Field(
        None, description="for hosts where sudo asks for one; same forms as `password`"
    )
    connect_timeout: t.Seconds = Field(10.0, description="seconds before a host counts as unreachable")


class Ssh(SshKeys):
    """Defaults for every host; each host may differ."""

    parallel: t.Parallel = Field(50, description="how many connections may be opened at the same time")


class HostEntry(SshKeys):
    """One machine, or several by a range. The short form is its address alone."""

    host: t.HostPattern = Field(
        description="address, name or alias in ~/.ssh/config; `user@host:port` and ranges "
        "such as `10.0.0.[10-19]` or `node[01-32].lab` work too"
    )
    name: t.HostName | None = Field(None, description="name in tables; null: the host")
    connection: t.Via = Field("ssh", description="local: this machine, without SSH")
    runtime: t.Runtime | None = Field(None, description="what Ray runs in; null: the cluster's")
    node_ip: t.IpPattern | None = Field(
        None, description="address that Ray uses; null: the one that the head can reach"
    )
    cpus: t.Count | None = Field(None, description="CPUs that Ray may use; null: all")
    gpus: t.Count | None = Field(None, description="GPUs that Ray may use; null: all")
    memory: t.SizeText | None = Field(
        None, description="memory that Ray may give to tasks; null: Ray decides"
    )
    resources: dict[t.Text, t.Amount] = Field({}, description="custom Ray resources")
    labels: dict[t.LabelKey, t.LabelValue] = Field({}, description="Ray node labels")
    ray: Ray | None = Field(None, description="overrides the cluster's settings, key by key")
    docker: Docker | None = Field(None, description="overrides the cluster's settings, key by key")
    conda: Conda | None = Field(None, description="overrides the cluster's settings, key by key")
    uv: Uv | None = Field(None, description="overrides the cluster's settings, key by key")
    mirrors: Mirrors | None = Field(None, description="overrides the cluster's settings, key by key")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"host": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "minLength": 1}, handler(schema)]}


class Defaults(Frozen):
    """What holds for all hosts."""

    cluster: t.ClusterName = Field("ray", description="cluster name; part of paths on the hosts")
    runtime: t.Runtime = Field("uv", description="what Ray runs in; can be overridden on a host")
    ssh: Ssh = Field(Ssh(), description="how the hosts are reached")
    ray: Ray = Field(Ray(), description="Ray itself")
    docker: Docker = Field(Docker(), description="for hosts with runtime docker")
    conda: Conda = Field(Conda(), description="for hosts with runtime conda")
    uv: Uv = Field(Uv(), description="for hosts with runtime uv")
    mirrors: Mirrors = Field(Mirrors(), description="where downloads come from")


class HostsFile(Defaults):
    """A Ray cluster as a list of machines."""

    head: HostEntry = Field(description="the head of the cluster; it runs tasks too")
    workers: tuple[HostEntry, ...] | None = Field((), description="the other hosts")
