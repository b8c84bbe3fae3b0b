"""The sections of the cluster that a host can override; those of runtimes are in the runtimes' folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field

from tasks.inventory import types as t
from tasks.inventory.secret import SecretSource


class Frozen(BaseModel):
    """Immutable. Unknown keys are refused, and errors do not contain values."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in a field's annotation, such as HostEntry in ``tuple[HostEntry, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def from_folder(path: str | None, folder: Path) -> str | None:
    """A path of the operator's machine, counted from the folder of the hosts file."""
    if path is None or path.startswith("~") or Path(path).is_absolute():
        return path
    return str(folder / path)


class Lacking(NamedTuple):
    """A key that needs another one beside it."""

    key: str
    needs: str
    message: str


class LocalFile(NamedTuple):
    """A file of the operator's machine that a key names.

    :param installs: only an installation reads it.
    :param made: it is created if it is missing.
    """

    key: str
    path: str
    installs: bool = False
    made: bool = False


Own = TypeVar("Own", bound="RuntimeSection")


class RuntimeSection(Frozen):
    """The section of one runtime."""

    @classmethod
    def passwords(cls) -> tuple[str, ...]:
        """The keys that hold passwords."""
        return tuple(
            name for name, field in cls.model_fields.items() if SecretSource in _types(field.annotation)
        )

    def at(self: Own, folder: Path) -> Own:
        """The same with paths of the operator's machine counted from ``folder``."""
        return self

    def local_files(self) -> Iterator[LocalFile]:
        """The files of the operator's machine that must be there before anything is connected."""
        return iter(())

    def lacking(self) -> Iterator[Lacking]:
        """What the keys, each right by itself, lack together."""
        return iter(())


def _types(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in get_args(annotation):
        yield from _types(argument)


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
    prometheus: t.Port = Field(9090, description="Prometheus of `fab metrics up`, on the head's 127.0.0.1")
    grafana: t.Port = Field(3000, description="Grafana of `fab metrics up`, on the head's 127.0.0.1")
    min_worker: t.Port | None = Field(
        None, description="lowest port of the worker processes; null: by network and CPUs"
    )
    max_worker: t.Port | None = Field(
        None, description="highest port of the worker processes; null: by network and CPUs"
    )


class Logs(Frozen):
    """How many logs of Ray a host keeps. What no process uses is removed: the oldest first."""

    max: t.SizeText = Field(
        t.Size("5gb"), description="for all logs together; Ray's own rotation gets shares of it"
    )
    days: t.Days = Field(14, description="older ones go, as do older sessions")
    files: t.LogFiles = Field(5000, description="as many files at most; each worker of Ray leaves about four")


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
    state: t.HeadState | None = Field(
        None,
        description="what the head knows of its cluster. kept: on disk, so that it survives the head's restart; "
        "memory; null: kept where Ray (2.57 and newer), the system (Linux) and the disk allow it",
    )
    temp_dir: t.RayFolder | None = Field(
        None,
        description="Ray's own folder on the host, for logs, sockets and spilled objects; null: `/tmp/ray`, "
        "on a bridge `~/tmp/ray`",
    )
    spill_dir: t.RayFolder | None = Field(
        None,
        description="folder on the host for spilled objects (Ray 2.55 and newer), which Ray gets a folder of its own "
        "in; null: in `temp_dir`",
    )
    logs: Logs = Field(Logs(), description="which logs stay")
    heal: t.Flag = Field(
        True,
        description="a host restarts its node where Ray does not answer, three times an hour at most",
    )
    head_args: tuple[t.Text, ...] = Field((), description="passed on to `ray start --head`")
    worker_args: tuple[t.Text, ...] = Field((), description="passed on to `ray start` of the workers")
    env: dict[t.EnvName, t.AnyText] = Field({}, description="environment variables of Ray's processes")


class Mirrors(Frozen):
    """Where downloads come from; null: the original source."""

    pypi: t.Url | None = Field(
        None, description="index of Python packages, also for jobs, such as `https://pypi.org/simple`"
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
    python: t.Url | None = Field(
        None, description="folder with the releases of python-build-standalone, for hosts without the Python"
    )
    proxy: t.WebUrl | None = Field(
        None,
        description="proxy for downloads, also those of jobs; null: from the environment variables",
    )
    ca: t.Text | None = Field(
        None, description="file on your machine with more certificates (PEM) that downloads and jobs trust"
    )
