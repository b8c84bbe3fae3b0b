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
    object_manager: t.Port = Field(20001, description="transfer of objects between hosts")
    dashboard_agent_grpc: t.Port = Field(20002, description="the dashboard agent's gRPC port")
    runtime_env_agent: t.Port = Field(20003, description="the runtime environment agent")
    metrics_export: t.Port = Field(20004, description="Prometheus metrics of the host")
    dashboard_agent_listen: t.Port = Field(20005, description="the dashboard agent's HTTP port (jobs, logs)")
    autoscaler_metric: t.Port = Field(20006, description="metrics of the autoscaler, on the head")
    dashboard_metric: t.Port = Field(20007, description="metrics of the dashboard, on the head")
    min_worker: t.Port | None = Field(
        None, description="lowest port of the worker processes; null: by network and CPUs"
    )
    max_worker: t.Port | None = Field(
        None, description="highest port of the worker processes; null: by network and CPUs"
    )


class Ray(Frozen):
    """Ray itself. What concerns the whole cluster cannot differ on a host."""

    version: t.RayVersion | None = Field(
        None,
        description="the same on all hosts; null: the newest that the runtime's Python runs, or the image's",
    )
    port: t.Port = Field(6379, description="the head's GCS")
    dashboard_port: t.Port = Field(8265, description="the dashboard, on the head")
    dashboard_host: t.Listen = Field(
        "127.0.0.1", description="where the dashboard listens; anything but this machine needs a token"
    )
    auth: t.Auth | None = Field(
        None, description="who may use the cluster; null: a token where Ray has it (2.52 and newer)"
    )
    ports: Ports = Field(Ports(), description="every other port of Ray's")
    head_args: tuple[t.Text, ...] = Field((), description="passed on to `ray start --head`")
    worker_args: tuple[t.Text, ...] = Field((), description="passed on to `ray start` of the workers")
    env: dict[t.EnvName, t.AnyText] = Field({}, description="environment of Ray's processes")


class Docker(Frozen):
    """For hosts with `runtime: docker`."""

    image: t.Image = Field("rayproject/ray-ml", description="the image; it must have Ray in it")
    network: t.Network = Field("auto", description="auto: host on Linux, bridge on macOS and Windows")
    shm_size: t.SizeText = Field(Size("8gb"), description="shared memory for Ray's object store")
    run_args: tuple[t.Text, ...] = Field((), description="passed on to `docker run`")
    install: t.Install = Field(
        "auto", description="where a missing Docker Engine comes from on Linux; auto: distro, else docker-ce"
    )
    image_source: t.ImageSource = Field(
        "pull",
        description="seed: one host pulls, the others take it from there; file: carried from this machine",
    )
    registry_mirror: t.WebUrl | None = Field(
        None, description="mirror of Docker Hub; asked for images that have no registry in their name"
    )
    registry_user: t.Text | None = Field(
        None, description="user of the image's registry, or of the mirror; logged in for the pull alone"
    )
    registry_password: t.Password | None = Field(None, description="goes with the user; forms as above")


class Conda(Frozen):
    """For hosts with `runtime: conda`."""

    python: t.PythonVersion = Field("3.7.7", description="Python of the environment; quote it")
    env: t.CondaEnv = Field("ray", description="name of the environment")
    packages: tuple[t.Argument, ...] = Field(
        ("ray[default]", "tensorflow"), description="what is installed in it"
    )
    installer: t.Installer = Field("miniconda", description="used where no conda is found")
    installer_sha256: t.Sha256 | None = Field(
        None, description="needed where the installer is a URL or a file"
    )
    channels: tuple[t.Argument, ...] = Field(
        ("defaults",), description="in the order in which they are asked"
    )
    accept_terms: t.Flag = Field(False, description="true: you accept the terms of Anaconda's channels")
    prefix: t.RemotePath = Field("~/miniconda3", description="where conda goes if it has to be installed")
    package_source: t.PackageSource = Field(
        "pull", description="seed: one host fetches the packages, the others take them from there"
    )
    lock: t.Text | None = Field(
        None,
        description="file beside the hosts file that keeps every package's version; made where it is missing",
    )

    @property
    def needs_sha256(self) -> bool:
        return self.installer not in ("miniconda", "miniforge")


class Uv(Frozen):
    """For hosts with `runtime: uv`."""

    python: t.PythonVersion | None = Field(
        None, description="Python of the environment; null: the newest on the hosts that all of them have"
    )
    packages: tuple[t.Argument, ...] = Field(("ray[default]",), description="what is installed in it")


class Mirrors(Frozen):
    """Where downloads come from; null: from their makers."""

    pypi: t.Url | None = Field(None, description="index of Python packages, as in `https://pypi.org/simple`")
    conda: t.Url | None = Field(None, description="conda's channels, as in `https://repo.anaconda.com/pkgs`")
    apt: t.Url | None = Field(
        None,
        description="Debian's or Ubuntu's packages, or a folder that holds either's `debian` or `ubuntu`",
    )
    docker: t.Url | None = Field(
        None, description="Docker's own packages, as in `https://download.docker.com/linux`"
    )
    miniconda: t.Url | None = Field(None, description="folder of Miniconda's installers")
    miniforge: t.Url | None = Field(None, description="folder of Miniforge's installers")
    python: t.Url | None = Field(None, description="Python builds that uv installs")
    proxy: t.WebUrl | None = Field(
        None, description="proxy for the downloads of conda and its packages; null: as the environment says"
    )
    ca: t.Text | None = Field(
        None, description="file on this machine with certificates (PEM) that those downloads trust as well"
    )
