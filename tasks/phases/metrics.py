"""Prometheus and Grafana beside the head, and the metrics that Ray's nodes export."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.node import homes, metrics
from tasks.node.series import parse_samples
from tasks.report.console import Board
from tasks.run.failures import Stop
from tasks.run.metrics import Found, scraped, way_to
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import Step, step
from tasks.ssh import Answer, RemoteError

TIMEOUT = 600.0  # a download on a slow line
READ = 5.0  # seconds within which a node must answer


def put_up(archives: Mapping[str, Path], answers: list[Answer]) -> Step:
    """The step that installs and starts them on the head.

    :param archives: files of this machine, whose sums were checked, by the part that they are of.
    :param answers: gets that of the script.
    """

    def work(run: Run) -> None:
        head = run.head(Known)
        if not head.state:
            raise Stop("nothing is deployed on the head", "fab deploy-cluster installs and starts it")
        kind = metrics.kind_on(head.facts)
        if kind is None:
            raise Stop(
                f"metrics up is not available on {head.facts.system} yet, and the head runs it",
                f"fab alerts needs no Prometheus; nodes export metrics at port {head.host.ray.ports.metrics_export}",
            )
        nodes = scraped(run)
        folder = homes.folder(head.facts, run.cluster.name)

        def one(node: Known, board: Board) -> Answer:
            for part, path in archives.items():
                board.step(node.name, f"copying {path.name}")
                run.carry(node, path, f"{folder}/{metrics.ARCHIVE.format(part)}")
            script = metrics.up_script(
                node.host,
                run.cluster.name,
                nodes,
                kind=kind,
                node=folder,
                user=node.facts.user,
                given=tuple(archives),
                sudo=node.sudo,
            )
            return run.ask(node, script, board, timeout=TIMEOUT)

        for node, answer in run.each("Start Prometheus", [head], one).items():
            run.did(node, "started Prometheus")
            answers.append(answer)
        known = {node.name for node in nodes}
        if missing := [node.name for node in run.every() if node.name not in known]:
            run.console.note(
                f"their addresses are not known, so nobody notices that they are away: {missing}"
            )

    return Step("Start Prometheus", work, changes=True)


@step("Remove Prometheus", changes=True)
def take_down(run: Run) -> None:
    """Stops and removes both, with the values that were kept."""

    def one(node: Known, board: Board) -> None:
        answer = run.ask(node, metrics.down_script(run.cluster.name, sudo=node.sudo), board, timeout=TIMEOUT)
        if answer.values.get("changed") == "1":
            run.did(node, "removed Prometheus")

    run.each("Remove Prometheus", [run.head(Known)], one)


def read_series(found: Found) -> Step:
    """The step that reads the series of the alerts once, from every node that Ray counts as alive."""

    def work(run: Run) -> None:
        head = run.head()
        alive = {name for name, entry in run.learned.ray_nodes.items() if entry["alive"]}
        nodes = [node for node in scraped(run) if node.name in alive]
        if not isinstance(head, Known) or run.failure(head) or not nodes:
            return

        def one(node: Known, board: Board) -> Answer:
            script = metrics.read_script(run.cluster.name, nodes, seconds=READ, sudo=node.sudo)
            # 32 at once
            return run.ask(node, script, board, timeout=30.0 + READ * (1 + len(nodes) // 32))

        for answer in run.each("Read metrics", [head], one).values():
            for line in answer.texts.get("answer", ()):
                with contextlib.suppress(ValueError):
                    entry = json.loads(line)
                    if "error" in entry:
                        found.unread[entry["name"]] = entry["error"]
                    else:
                        found.samples[entry["name"]] = parse_samples(entry["lines"])
            for node in nodes:
                if node.name not in found.samples:
                    found.unread.setdefault(node.name, "the head did not say")

    return Step("Read metrics", work)


def ask_prometheus(found: dict[str, Any]) -> Step:
    """The step that asks Prometheus on the head, through a tunnel, what it reads.

    :param found: gets ``prometheus`` and ``grafana``, each the version or None; ``targets`` by ``ip:port``, each
        ``health``, ``error`` and ``last``; ``alerts``, those that fire; and ``problem``, why it does not answer.
    """

    def work(run: Run) -> None:
        head = run.head(Known)
        found.update({"prometheus": None, "grafana": None, "targets": {}, "alerts": [], "problem": None})
        if not head.facts.metrics:
            found["problem"] = "Prometheus is not there"
            return
        ports = head.host.ray.ports
        try:
            with way_to(head, ports.prometheus) as at:
                found["prometheus"] = _get(f"{at}/api/v1/status/buildinfo")["data"]["version"]
                for one in _get(f"{at}/api/v1/targets?state=active")["data"]["activeTargets"]:
                    entry = {"health": one["health"], "error": one["lastError"], "last": one["lastScrape"]}
                    found["targets"][one["discoveredLabels"]["__address__"]] = entry
                alerts = _get(f"{at}/api/v1/alerts")["data"]["alerts"]
                found["alerts"] = [one["labels"] for one in alerts if one["state"] == "firing"]
        except (OSError, RemoteError, ValueError, KeyError) as error:
            reason = getattr(error, "reason", error)
            found["problem"] = f"Prometheus does not answer: {reason}"
            return
        if "grafana" in head.facts.metrics:
            with contextlib.suppress(OSError, RemoteError, ValueError), way_to(head, ports.grafana) as at:
                health = _get(f"{at}/api/health")
                found["grafana"] = health.get("version", "") if health.get("database") == "ok" else None

    return Step("Ask Prometheus", work)


def _get(url: str) -> dict[str, Any]:
    # 127.0.0.1 is reached directly, whatever proxy the environment names
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=20.0) as answer:
        return json.load(answer)
