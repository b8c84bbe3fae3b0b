"""The sections of the cluster that a host can override: ray, docker, conda, uv, mirrors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field

from tasks.inventory import types as t
from tasks.inventory.sizes import Size


class Frozen(BaseModel):
    """Immutable. Unknown keys are refused, and errors do not contain values."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in a field's annotation, such as HostEntry in ``tuple[HostEntry, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


class Ports(Frozen):
    """The fixed ports of Ray on each host."""

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
    """Ray itself. A host cannot override keys that concern the whole cluster."""

    version: t.RayVersion | None = Field(
        None,
        description="the same on all hosts; null: the newest for the runtime's Python, or the image's",
    )
    port: t.Port = Field(6379, description="the head's GCS")
    dashboard_port: t.Port = Field(8265, description="the dashboard, on the head")
    dashboard_host: t.Listen = Field(
        "127.0.0.1",
        description="address that the dashboard listens on; any but the loopback address needs a token",
    )
    auth: t.Auth | None = Field(
        None, description="who may use the cluster; null: token if Ray supports it (2.52 and newer)"
    )
    ports: Ports = Field(Ports(), description="all other ports of Ray")
    head_args: tuple[t.Text, ...] = Field((), description="passed on to `ray start --head`")
    worker_args: tuple[t.Text, ...] = Field((), description="passed on to `ray start` of the workers")
    env: dict[t.EnvName, t.AnyText] = Field({}, description="environment variables of Ray's processes")


class Docker(Frozen):
    """For hosts with `runtime: docker`."""

    image: t.Image = Field("rayproject/ray-ml", description="the image; it must contain Ray")
    network: t.Network = Field("auto", description="auto: host on Linux, bridge on macOS and Windows")
    shm_size: t.SizeText = Field(Size("8gb"), description="shared memory for Ray's object store")
    run_args: tuple[t.Text, ...] = Field((), description="passed on to `docker run`")
    install: t.Install = Field(
        "auto",
        description="where a missing Docker Engine comes from on Linux; auto: distro, else docker-ce",
    )
    image_source: t.ImageSource = Field(
        "pull",
        description="seed: one host pulls and the others copy it from there; file: copied from your machine",
    )
    registry_mirror: t.WebUrl | None = Field(
        None, description="mirror of Docker Hub; used for images without a registry in their name"
    )
    registry_user: t.Text | None = Field(
        None, description="user of the image's registry or of the mirror; logged in only while pulling"
    )
    registry_password: t.Password | None = Field(
        None, description="password of that user; same forms as `ssh.password`"
    )


class Conda(Frozen):
    """For hosts with `runtime: conda`."""

    python: t.PythonVersion = Field("3.7.7", description="Python of the environment; quote it")
    env: t.CondaEnv = Field("ray", description="name of the environment")
    packages: tuple[t.Argument, ...] = Field(
        ("ray[default]", "tensorflow"), description="packages that are installed in it"
    )
    installer: t.Installer = Field("miniconda", description="used where conda is missing")
    installer_sha256: t.Sha256 | None = Field(
        None, description="required if the installer is a URL or a file"
    )
    channels: tuple[t.Argument, ...] = Field(("defaults",), description="in order of priority")
    accept_terms: t.Flag = Field(False, description="true: you accept the terms of Anaconda's channels")
    prefix: t.RemotePath = Field("~/miniconda3", description="folder for conda where it is missing")
    package_source: t.PackageSource = Field(
        "pull", description="seed: one host downloads the packages and the others copy them from there"
    )
    lock: t.Text | None = Field(
        None,
        description="file with the version of every package, relative to the hosts file; created if it is missing",
    )

    @property
    def needs_sha256(self) -> bool:
        return self.installer not in ("miniconda", "miniforge")


class Uv(Frozen):
    """For hosts with `runtime: uv`."""

    python: t.PythonVersion | None = Field(
        None, description="Python of the environment; null: the newest that all hosts have"
    )
    packages: tuple[t.Argument, ...] = Field(
        ("ray[default]",), description="packages that are installed in it"
    )


class Mirrors(Frozen):
    """Where downloads come from; null: the original source."""

    pypi: t.Url | None = Field(
        None, description="index of Python packages, such as `https://pypi.org/simple`"
    )
    conda: t.Url | None = Field(
        None, description="conda's channels, such as `https://repo.anaconda.com/pkgs`"
    )
    apt: t.Url | None = Field(
        None,
        description="packages of Debian or Ubuntu, or a folder that contains `debian` or `ubuntu`",
    )
    docker: t.Url | None = Field(
        None, description="Docker's own packages, such as `https://download.docker.com/linux`"
    )
    miniconda: t.Url | None = Field(None, description="folder with Miniconda's installers")
    miniforge: t.Url | None = Field(None, description="folder with Miniforge's installers")
    python: t.Url | None = Field(None, description="Python builds that uv installs")
    proxy: t.WebUrl | None = Field(
        None,
        description="proxy for the downloads of conda and its packages; null: from the environment variables",
    )
    ca: t.Text | None = Field(
        None, description="file on your machine with more certificates (PEM) that those downloads trust"
    )
