"""Prometheus and Grafana beside the head, and the metrics that Ray's nodes export."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.node import homes, metrics
from tasks.node.series import parse_samples
from tasks.report.console import Board
from tasks.run.failures import Stop
from tasks.run.metrics import Found, place, scraped, way_to
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import Step
from tasks.ssh import Answer, RemoteError

TIMEOUT = 600.0  # a download on a slow line
READ = 5.0  # seconds within which a node must answer


def put_up(archives: Mapping[str, Path | bytes], answers: list[Answer], *, here: bool) -> Step:
    """The step that installs and starts them on the head, or on this machine.

    :param archives: files of this machine, whose sums were checked, by the part that they are of.
    :param answers: gets that of the script.
    """

    def work(run: Run) -> None:
        head = run.head(Known)
        if not head.state:
            raise Stop("nothing is deployed on the head", "fab deploy-cluster installs and starts it")
        nodes = scraped(run)

        def one(head: Known, board: Board) -> Answer:
            given = dict(archives)
            if here and head.facts.system != "Windows":
                read = metrics.boards_script(run.cluster.name, sudo=head.sudo)
                given[metrics.BOARDS] = metrics.packed(run.ask(head, read, board, timeout=TIMEOUT).texts)
            with place(run, here=here, board=board) as node:
                return _start(run, node, nodes, given, board, here=here)

        for node, answer in run.each("Start Prometheus", [head], one).items():
            run.did(node, "started Prometheus")
            answers.append(answer)
        known = {node.name for node in nodes}
        if missing := [node.name for node in run.every() if node.name not in known]:
            run.console.note(
                f"their addresses are not known, so nobody notices that they are away: {missing}"
            )

    return Step("Start Prometheus", work, changes=True)


def _start(
    run: Run,
    node: Known,
    nodes: Sequence[metrics.Scraped],
    given: Mapping[str, Path | bytes],
    board: Board,
    *,
    here: bool,
) -> Answer:
    kind = metrics.kind_on(node.facts)
    if kind is None:
        system = node.facts.system
        if here:
            raise Stop(f"metrics up is not available on {system} yet", "fab alerts needs no Prometheus")
        raise Stop(
            f"metrics up is not available on {system} yet, and the head would run it",
            "fab metrics up --here starts it on this machine, if that is Linux; fab alerts needs no Prometheus",
        )
    folder = homes.folder(node.facts, run.cluster.name)
    for part, source in given.items():
        board.step(node.name, f"copying {source.name if isinstance(source, Path) else part}")
        run.carry(node, source, f"{folder}/{metrics.ARCHIVE.format(part)}")
    script = metrics.up_script(
        node.host,
        run.cluster.name,
        nodes,
        kind=kind,
        node=folder,
        user=node.facts.user,
        given=tuple(given),
        here=here,
        sudo=node.sudo,
    )
    return run.ask(node, script, board, timeout=TIMEOUT)


def take_down(*, here: bool) -> Step:
    """The step that stops and removes both, with the values that were kept."""

    def work(run: Run) -> None:
        def one(head: Known, board: Board) -> None:
            with place(run, here=here, board=board) as node:
                script = metrics.down_script(run.cluster.name, sudo=node.sudo)
                if run.ask(node, script, board, timeout=TIMEOUT).values.get("changed") == "1":
                    run.did(head, "removed Prometheus")

        run.each("Remove Prometheus", [run.head(Known)], one)

    return Step("Remove Prometheus", work, changes=True)


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


def ask_prometheus(found: dict[str, Any], *, here: bool) -> Step:
    """The step that asks Prometheus, on the head through a tunnel or on this machine, what it reads.

    :param found: gets ``prometheus`` and ``grafana``, each the version or None; ``targets`` by ``ip:port``, each
        ``health``, ``error`` and ``last``; ``alerts``, those that fire; ``problem``, why it does not answer; ``parts``,
        which of the two are there; and ``log``, where Prometheus writes on its machine.
    """

    def work(run: Run) -> None:
        found.update({"prometheus": None, "grafana": None, "targets": {}, "alerts": [], "problem": None})
        with place(run, here=here) as node:
            found["parts"] = node.facts.metrics
            found["log"] = f"{node.facts.node}/metrics/prometheus.log"
            ask(node)

    def ask(node: Known) -> None:
        if not node.facts.metrics:
            found["problem"] = "Prometheus is not there"
            return
        ports = node.host.ray.ports
        try:
            with way_to(node, ports.prometheus) as at:
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
        if "grafana" in node.facts.metrics:
            with contextlib.suppress(OSError, RemoteError, ValueError), way_to(node, ports.grafana) as at:
                health = _get(f"{at}/api/health")
                found["grafana"] = health.get("version", "") if health.get("database") == "ok" else None

    return Step("Ask Prometheus", work)


def _get(url: str) -> dict[str, Any]:
    # 127.0.0.1 is reached directly, whatever proxy the environment names
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=20.0) as answer:
        return json.load(answer)
