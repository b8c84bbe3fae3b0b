"""The arguments of `ray start` for a node, and the environment variables of its processes."""

from __future__ import annotations

import json

from tasks.inventory import Host
from tasks.inventory import ray_versions as versions
from tasks.inventory.sections import Logs
from tasks.node import gcs_store, surroundings
from tasks.node.names import RAY_DIR

BRIDGE_WORKERS = 98  # 10002-10099
SHARE, LEAST = 64, 1 << 20  # a log gets this share of ray.logs.max, and at least these bytes
OLDER = 3  # parts of a log that are kept besides the newest


def uses_token(host: Host, ray: str) -> bool:
    """Whether this node authenticates with a token: by default if its version of Ray supports it."""
    return host.ray.auth != "none" and versions.has_token_auth(ray)


def worker_ports(host: Host, *, bridge: bool = False, cpus: int | None = None) -> tuple[int, int]:
    """The range of ports that Ray's worker processes listen on, both ends included.

    On the host's own network it is Ray's default. On a bridge each port costs a proxy process and firewall rules
    (20 ms at the start, 55 ms at the end), so the range is small there: two ports for each CPU, at least 98.
    """
    ports = host.ray.ports
    low = ports.min_worker or 10002
    most = max(BRIDGE_WORKERS, 2 * (cpus or 0)) if bridge else 9998
    return low, ports.max_worker or min(low + most - 1, 65535)


def start_arguments(
    host: Host,
    ray: str,
    node_ip: str,
    head_address: str,
    *,
    bridge: bool = False,
    cpus: int | None = None,
    temp_dir: str = RAY_DIR,
    spill_dir: str = "",
) -> list[str]:
    """``ray start`` with its arguments, without ``--block``.

    :param ray: the version that will run; flags that it does not support are left out.
    :param node_ip: the address by which the other nodes reach this one.
    :param head_address: ``ip:port`` of the head's GCS.
    :param bridge: Ray runs in a container on a bridge network, with published ports.
    :param cpus: number of CPUs; on a bridge it sets the size of the range of worker ports.
    :param temp_dir: Ray's own folder as Ray sees it.
    :param spill_dir: the folder for spilled objects as Ray sees it; '' for Ray's own.
    """
    ports = host.ray.ports
    low, high = worker_ports(host, bridge=bridge, cpus=cpus)
    # in a container on a bridge, Docker's published port decides where the dashboard can be reached
    dashboard_host = "0.0.0.0" if bridge else host.ray.dashboard_host
    out = ["ray", "start"]
    if host.role == "head":
        out += ["--head", f"--port={host.ray.port}"]
        out += [f"--dashboard-host={dashboard_host}", f"--dashboard-port={host.ray.dashboard_port}"]
        out += [f"--ray-client-server-port={ports.client}"]
    else:
        out += [f"--address={head_address}"]
    out += [f"--node-ip-address={node_ip}", f"--node-name={host.name}"]
    out += [f"--node-manager-port={ports.node_manager}", f"--object-manager-port={ports.object_manager}"]
    out += [f"--min-worker-port={low}", f"--max-worker-port={high}"]
    out += [f"--metrics-export-port={ports.metrics_export}"]
    out += [f"--dashboard-agent-grpc-port={ports.dashboard_agent_grpc}"]
    out += [f"--dashboard-agent-listen-port={ports.dashboard_agent_listen}"]
    if versions.knows_runtime_env_agent_port(ray):
        out += [f"--runtime-env-agent-port={ports.runtime_env_agent}"]
    # always set: by default Ray follows TMPDIR, but the logs are read from this folder
    out += [f"--temp-dir={temp_dir}"]
    out += [f"--object-spilling-directory={spill_dir}"] if spill_dir else []
    if host.cpus is not None:
        out += [f"--num-cpus={host.cpus}"]
    if host.gpus is not None:
        out += [f"--num-gpus={host.gpus}"]
    if host.memory is not None:
        out += [f"--memory={int(host.memory)}"]
    if host.resources:
        out += [f"--resources={json.dumps(host.resources, sort_keys=True)}"]
    if host.labels:
        out += ["--labels=" + _labels(host.labels, ray)]
    out += ["--disable-usage-stats"] if host.role == "head" else []
    out += list(host.ray.head_args if host.role == "head" else host.ray.worker_args)
    return out


def _labels(labels: dict[str, str], ray: str) -> str:
    if versions.knows_string_labels(ray):
        return ",".join(f"{k}={v}" for k, v in sorted(labels.items()))
    return json.dumps(labels, sort_keys=True)


def environment(
    host: Host, ray: str, system: str = "Linux", authorities: str = "", store: str = ""
) -> dict[str, str]:
    """The environment variables of Ray's processes, except the token's.

    :param authorities: see :func:`tasks.node.surroundings.of_mirrors`.
    :param store: the folder of a head that keeps its state, as Ray sees it.

    The authentication mode is always set. Otherwise the head alone would turn it on where a token file exists.
    """
    out: dict[str, str] = {}
    if versions.has_token_auth(ray):
        out["RAY_AUTH_MODE"] = "token" if uses_token(host, ray) else "disabled"
    out["RAY_USAGE_STATS_ENABLED"] = "0"
    if host.role == "head":
        out["AUTOSCALER_METRIC_PORT"] = str(host.ray.ports.autoscaler_metric)
        out["DASHBOARD_METRIC_PORT"] = str(host.ray.ports.dashboard_metric)
        out |= dashboards(host)
    out |= gcs_store.variables(host, ray, store)
    if system != "Linux":
        # without it Ray refuses to join a cluster of several nodes on macOS and Windows
        out["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "1"
    if system != "Windows":
        out |= rotation(host.ray.logs)
    return {**out, **surroundings.of_mirrors(host, authorities), **host.ray.env}


def dashboards(host: Host) -> dict[str, str]:
    """Where Ray's dashboard looks for Prometheus and Grafana, see :mod:`.metrics`.

    Nothing for the ports that Ray expects: a variable more would restart the heads that run.
    """
    ports, out = host.ray.ports, {}
    if ports.prometheus != 9090:
        out["RAY_PROMETHEUS_HOST"] = f"http://localhost:{ports.prometheus}"
    if ports.grafana != 3000:
        # the browser finds it at the same port, through the tunnel of `fab dashboard`
        grafana = f"http://localhost:{ports.grafana}"
        out |= {"RAY_GRAFANA_HOST": grafana, "RAY_GRAFANA_IFRAME_HOST": grafana}
    return out


def rotation(logs: Logs) -> dict[str, str]:
    """The variables by which Ray's parts in Python and in C++ limit each of their logs, and its older parts.

    Some ten parts of Ray write on each host. Workers come and go; what they leave is removed by ``drivers/prune.py``.
    """
    each = max(logs.max.bytes // SHARE, LEAST)
    out = {}
    for size, count in (
        ("RAY_ROTATION_MAX_BYTES", "RAY_ROTATION_BACKUP_COUNT"),
        ("RAY_log_rotation_max_bytes", "RAY_log_rotation_backup_count"),
    ):
        out |= {size: str(each), count: str(OLDER)}
    return out


def node_name(host: Host) -> str:
    """The name that Ray's node table has for this node: the last one that its arguments give."""
    own = list(host.ray.head_args if host.role == "head" else host.ray.worker_args)
    for at in range(len(own) - 1, -1, -1):
        name, is_set, value = own[at].partition("=")
        if name == "--node-name" and (is_set or own[at + 1 :]):
            return value if is_set else own[at + 1]
    return host.name


def ports_needed(host: Host) -> dict[str, int]:
    """Every fixed port that this node will listen on, by its purpose."""
    ports = host.ray.ports
    out = {
        "node manager": ports.node_manager,
        "object manager": ports.object_manager,
        "dashboard agent": ports.dashboard_agent_grpc,
        "runtime env agent": ports.runtime_env_agent,
        "metrics": ports.metrics_export,
        "dashboard agent's HTTP": ports.dashboard_agent_listen,
    }
    if host.role == "head":
        out |= {"GCS": host.ray.port, "dashboard": host.ray.dashboard_port, "Ray Client": ports.client}
        out |= {
            "autoscaler's metrics": ports.autoscaler_metric,
            "dashboard's metrics": ports.dashboard_metric,
        }
    return out
