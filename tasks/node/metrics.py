"""Prometheus and Grafana beside the head: their configurations, and the scripts that put them there and remove them.

Both listen on 127.0.0.1 alone. They are in the folder ``metrics`` of the head's node, under a service of their own.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import yaml

from tasks.inventory import Host
from tasks.node import supervisors
from tasks.node.alerts import rules, series
from tasks.node.facts import Facts
from tasks.node.names import RAY_DIR, basics
from tasks.node.series import JOB
from tasks.node.start import secrets_of
from tasks.node.supervisors import loop, systemd
from tasks.script import files
from tasks.script.script import Effect, Script, render
from tasks.text.quoting import posix as quote

FOLDER = "metrics"  # in the folder of the node
DAYS, MOST = 15, "5GB"  # how long values are kept, and how many at most
SECONDS = 15  # between two readings
PARTS = ("prometheus", "grafana")
BOARDS = "dashboards"  # what else may be given: those of Ray for Grafana
ARCHIVE = "metrics-{}.tar.gz"  # of a part, on its way, in the folder of the node


class Scraped(NamedTuple):
    """A node whose metrics are read. :param address: ``ip:port`` of its metrics."""

    name: str
    role: str
    address: str


def prometheus_yml(cluster: str, nodes: Sequence[Scraped], *, here: bool = False) -> str:
    """The configuration of Prometheus. :param here: it is not beside the head, and so without Ray's discovery.

    Ray's own discovery leaves out nodes that are gone, so the nodes of the hosts file are listed, too. A target that
    both name is read once, since its labels are the same.
    """
    # ray is a link to Ray's folder
    found_in = [*([] if here else ["ray/prom_metrics_service_discovery.json"]), "hosts.json"]
    relabel = [
        {
            "source_labels": ["__address__"],
            "regex": re.escape(node.address),
            "target_label": label,
            "replacement": value.replace("$", "$$"),
        }
        for node in nodes
        for label, value in (("host", node.name), ("role", node.role))
    ]
    job = {
        "job_name": JOB,
        "file_sd_configs": [{"files": found_in, "refresh_interval": "1m"}],
        "relabel_configs": relabel,
    }
    found = {
        "global": {
            "scrape_interval": f"{SECONDS}s",
            "evaluation_interval": f"{SECONDS}s",
            "external_labels": {"cluster": cluster},
        },
        "rule_files": ["rules.yml"],
        "scrape_configs": [job],
    }
    return yaml.safe_dump(found, sort_keys=False, width=1000)


def hosts_json(nodes: Sequence[Scraped]) -> str:
    """The nodes of the hosts file for Prometheus, as Ray's own discovery writes them."""
    return json.dumps([{"labels": {"job": JOB}, "targets": [node.address for node in nodes]}])


def grafana_ini(port: int) -> str:
    """The configuration of Grafana: everybody who reaches it may look, and nobody can log in; there is no password."""
    return f"""[server]
http_addr = 127.0.0.1
http_port = {port}
[security]
disable_initial_admin_creation = true
allow_embedding = true
[auth]
disable_login_form = true
[auth.basic]
enabled = false
[auth.anonymous]
enabled = true
org_role = Viewer
[users]
allow_sign_up = false
[analytics]
reporting_enabled = false
check_for_updates = false
check_for_plugin_updates = false
[log]
mode = console
"""


def datasource(port: int) -> str:
    """Prometheus as the source that Ray's dashboards ask."""
    source = {
        "name": "Prometheus",
        "type": "prometheus",
        "url": f"http://127.0.0.1:{port}",
        "access": "proxy",
        "isDefault": True,
    }
    return yaml.safe_dump({"apiVersion": 1, "datasources": [source]}, sort_keys=False)


def provider(folder: str) -> str:
    """Ray's dashboards, copied to this folder."""
    found = {"name": "Ray", "folder": "Ray", "type": "file", "options": {"path": folder}}
    return yaml.safe_dump({"apiVersion": 1, "providers": [found]}, sort_keys=False)


def start_sh(folder: str, port: int) -> str:
    """The script that its service runs: starts both, and starts again what ends."""
    return f"""#!/bin/sh
# Runs Prometheus, and Grafana if it is there. Written by fab metrics up; the next one overwrites what is changed here.
cd {quote(folder)} || exit 1
unset GF_SECURITY_ADMIN_USER GF_SECURITY_ADMIN_PASSWORD
keep() {{
    keep_pid=
    trap 'trap "" TERM; kill -TERM $keep_pid 2>/dev/null; wait $keep_pid; exit 0' TERM INT HUP
    while :; do
        "$@" &
        keep_pid=$!
        wait $keep_pid
        sleep 3 &
        keep_pid=$!
        wait $keep_pid
    done
}}
keep bin/prometheus --config.file=prometheus.yml --web.listen-address=127.0.0.1:{port} \\
    --storage.tsdb.path=data --storage.tsdb.retention.time={DAYS}d --storage.tsdb.retention.size={MOST} \\
    </dev/null >prometheus.log 2>&1 &
both=$!
if [ -x bin/grafana ]; then
    case $(readlink bin/grafana) in
        */grafana-server) set -- ;;
        *) set -- server ;;
    esac
    GF_PATHS_DATA=$PWD/grafana-data
    GF_PATHS_LOGS=$PWD/grafana-data
    GF_PATHS_PLUGINS=$PWD/grafana-data/plugins
    GF_PATHS_PROVISIONING=$PWD/provisioning
    export GF_PATHS_DATA GF_PATHS_LOGS GF_PATHS_PLUGINS GF_PATHS_PROVISIONING
    keep bin/grafana "$@" --homepath grafana-home --config grafana.ini </dev/null >grafana.log 2>&1 &
    both="$both $!"
fi
trap 'trap "" TERM; kill -TERM $both 2>/dev/null; wait; exit 0' TERM INT HUP
wait
"""


def kind_on(facts: Facts) -> str | None:
    """The kind of service that runs them on this host; None where they are not available."""
    return supervisors.kind_on(facts) if facts.system == "Linux" else None


def up_script(
    host: Host,
    cluster: str,
    nodes: Sequence[Scraped],
    *,
    kind: str,
    node: str,
    user: str,
    given: Sequence[str] = (),
    here: bool = False,
    sudo: bool = False,
) -> Script:
    """Installs and starts them, or starts them again with a new configuration; what they have kept stays.

    :param here: on a machine that is not the head; Ray's dashboards are one of the parts that are given.

    :param kind: of service, see :func:`kind_on`.
    :param node: the folder of the node on the host.
    :param given: the parts whose archives were copied before, see :data:`ARCHIVE`.
    """
    folder = f"{node}/{FOLDER}"
    ports = host.ray.ports
    unit = ""
    if kind in systemd.KINDS:
        unit = systemd.unit_text(
            folder,
            cluster,
            user if kind == systemd.SYSTEM else None,
            what=f"Prometheus of the Ray cluster {cluster}",
        )
    values = {
        **basics(cluster),
        "SERVICE": kind,
        "TEMP_DIR": RAY_DIR,
        "SPILL_DIR": "",
        "UNIT_TEXT": unit,
        "LOOP_SH": loop.loop_sh(folder) if kind in loop.KINDS else "",
        "START_SH": start_sh(folder, ports.prometheus),
        "GIVEN": " ".join(given),
        "HERE": "1" if here else "",
        "PROMETHEUS_YML": prometheus_yml(cluster, nodes, here=here),
        "HOSTS_JSON": hosts_json(nodes),
        "RULES_YML": rules(),
        "GRAFANA_INI": grafana_ini(ports.grafana),
        "DATASOURCE": datasource(ports.prometheus),
        "PROVIDER": provider(f"{folder}/dashboards"),
        "PORTS": f"{ports.prometheus} {ports.grafana}",
    }
    return render("start Prometheus", "metrics_up", values, secrets=secrets_of(sudo=sudo))


def down_script(cluster: str, *, sudo: bool = False) -> Script:
    """Stops and removes both, with what they have kept; the answer has ``changed``."""
    return render("remove Prometheus", "metrics_down", basics(cluster), secrets=secrets_of(sudo=sudo))


def boards_script(cluster: str, *, sudo: bool = False) -> Script:
    """Reads Ray's dashboards for Grafana on the head; each is a text of the answer, ``board:NAME``."""
    values = {**basics(cluster), "TEMP_DIR": RAY_DIR}
    secrets = secrets_of(sudo=sudo)
    return render("read Ray's dashboards", "metrics_boards", values, secrets=secrets, effect=Effect.READS)


def packed(texts: Mapping[str, Sequence[str]]) -> bytes:
    """A .tar.gz of the dashboards in that answer."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for key, lines in texts.items():
            kind, _, name = key.partition(":")
            if kind == "board" and "/" not in name:
                data = "\n".join(lines).encode()
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def read_script(cluster: str, nodes: Sequence[Scraped], *, seconds: float, sudo: bool = False) -> Script:
    """Reads the metrics of nodes once, from the head. The answer has a line of JSON for each node: ``name`` and either
    ``lines``, those of the series in the table of alerts, or ``error``.

    :param seconds: within which each must answer.
    """
    spec = json.dumps(
        {"nodes": [[one.name, one.address] for one in nodes], "series": series(), "seconds": seconds}
    )
    values = {**basics(cluster), "DRIVER": files.text("drivers", "scrape"), "SPEC": spec}
    secrets = secrets_of(sudo=sudo)
    return render("read metrics", "driver", values, secrets=secrets, effect=Effect.READS)
