"""The sections that a cluster has and that a host may override: ray, docker, conda, uv, mirrors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field

from tasks.inventory import types as t
from tasks.inventory.sizes import Size


class Frozen(BaseModel):
    """Nothing unknown is taken, nothing changes afterwards, and errors carry no values."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in a field's annotation, such as HostEntry in `tuple[HostEntry, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


class Ports(Frozen):
    """Ports of Ray's on each host, all pinned."""

    client: t.Port = Field(10001, description="Ray Client (`ray://`), on the head")
    node_manager: t.Port = Field(20000, description="the raylet's node manager")
    object_manager: t.Port = Field(20001, description="object transfer between hosts")
    dashboard_agent_grpc: t.Port = Field(20002, description="the dashboard agent's gRPC port")
    runtime_env_agent: t.Port = Field(20003, description="the runtime environment agent")
    metrics_export: t.Port = Field(20004, description="Prometheus metrics of the host")
    dashboard_agent_listen: t.Port = Field(20005, description="the dashboard agent's HTTP port (jobs, logs)")
    autoscaler_metric: t.Port = Field(20006, description="metrics of the autoscaler, on the head")
    dashboard_metric: t.Port = Field(20007, description="metrics of the dashboard, on the head")
    min_worker: t.Port | None = Field(
        None, description="lowest port of worker processes; null: depends on network and CPUs"
    )
    max_worker: t.Port | None = Field(
        None, description="highest port of worker processes; null: depends on network and CPUs"
    )


class Ray(Frozen):
    """Ray itself. What concerns the whole cluster cannot differ on a host."""

    version: t.RayVersion | None = Field(
        None,
        description="Ray's version, the same on all hosts; null: the newest for the hosts' Python, or the image's",
    )
    port: t.Port = Field(6379, description="port of the GCS, on the head")
    dashboard_port: t.Port = Field(8265, description="port of the dashboard, on the head")
    dashboard_host: t.Listen = Field(
        "127.0.0.1",
        description="address that the dashboard listens on; anything but loopback requires a token",
    )
    auth: t.Auth | None = Field(
        None,
        description="token: clients need the cluster's token; null: token if Ray has it (2.52 and newer)",
    )
    ports: Ports = Field(Ports(), description="all other Ray ports")
    head_args: tuple[t.Text, ...] = Field((), description="extra arguments for `ray start --head`")
    worker_args: tuple[t.Text, ...] = Field((), description="extra arguments for `ray start` on workers")
    env: dict[t.EnvName, t.AnyText] = Field({}, description="environment variables for Ray's processes")


class Docker(Frozen):
    """For hosts with `runtime: docker`."""

    image: t.Image = Field("rayproject/ray-ml", description="image; it must contain Ray")
    network: t.Network = Field("auto", description="auto: host on Linux, bridge on macOS and Windows")
    shm_size: t.SizeText = Field(Size("8gb"), description="shared memory for Ray's object store")
    run_args: tuple[t.Text, ...] = Field((), description="extra arguments for `docker run`")
    install: t.Install = Field(
        "auto",
        description="where Docker Engine is installed from if a Linux host has none; auto: distro, else docker-ce",
    )
    image_source: t.ImageSource = Field(
        "pull",
        description="seed: one host pulls, the others copy from it; file: copied from this machine",
    )
    registry_mirror: t.WebUrl | None = Field(
        None, description="Docker Hub mirror, used for images without a registry in their name"
    )
    registry_user: t.Text | None = Field(
        None, description="user for the image's registry, or for the mirror; logged in only during the pull"
    )
    registry_password: t.Password | None = Field(
        None, description="password of that user; same forms as `ssh.password`"
    )


class Conda(Frozen):
    """For hosts with `runtime: conda`."""

    python: t.PythonVersion = Field("3.7.7", description="Python version; quote it")
    env: t.CondaEnv = Field("ray", description="environment name")
    packages: tuple[t.Argument, ...] = Field(
        ("ray[default]", "tensorflow"), description="packages to install"
    )
    installer: t.Installer = Field("miniconda", description="installer for hosts without conda")
    installer_sha256: t.Sha256 | None = Field(
        None, description="required if the installer is a URL or a file"
    )
    channels: tuple[t.Argument, ...] = Field(("defaults",), description="channels, highest priority first")
    accept_terms: t.Flag = Field(False, description="true: you accept the terms of Anaconda's channels")
    prefix: t.RemotePath = Field("~/miniconda3", description="where conda is installed if a host has none")
    package_source: t.PackageSource = Field(
        "pull", description="pull: each host downloads; seed: one host downloads, the others copy from it"
    )
    lock: t.Text | None = Field(
        None,
        description="lock file with the version of every package, relative to the hosts file; created if missing",
    )

    @property
    def needs_sha256(self) -> bool:
        return self.installer not in ("miniconda", "miniforge")


class Uv(Frozen):
    """For hosts with `runtime: uv`."""

    python: t.PythonVersion | None = Field(
        None, description="Python version; null: the newest that all hosts have"
    )
    packages: tuple[t.Argument, ...] = Field(("ray[default]",), description="packages to install")


class Mirrors(Frozen):
    """Where downloads come from; null: from their makers."""

    pypi: t.Url | None = Field(None, description="Python package index, like `https://pypi.org/simple`")
    conda: t.Url | None = Field(None, description="conda channels, like `https://repo.anaconda.com/pkgs`")
    apt: t.Url | None = Field(
        None,
        description="Debian or Ubuntu packages, or a parent folder with `debian` or `ubuntu` in it",
    )
    docker: t.Url | None = Field(
        None, description="Docker's own packages, like `https://download.docker.com/linux`"
    )
    miniconda: t.Url | None = Field(None, description="folder of Miniconda installers")
    miniforge: t.Url | None = Field(None, description="folder of Miniforge installers")
    python: t.Url | None = Field(None, description="Python builds that uv installs")
    proxy: t.WebUrl | None = Field(
        None,
        description="proxy for downloading conda and its packages; null: the environment's proxy variables",
    )
    ca: t.Text | None = Field(
        None, description="file on this machine with extra CA certificates (PEM) for those downloads"
    )
