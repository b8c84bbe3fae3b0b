"""The table of alerts says the same to Prometheus as it does here: both are asked about the same series."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tasks.node import alerts, metrics
from tasks.node.alerts import ALERTS, firing, rules
from tasks.node.ray import dashboards
from tasks.node.series import parse_samples
from tests.script import samples

# what a node of real Ray exported; only the names of scopes are cut
REAL = sorted((Path(__file__).parent / "series").glob("ray-*.txt"))
LINES = (Path(__file__).parent / "series/ray-2.60.0.txt").read_text().splitlines()
GPU = 'ray_resources{Name="GPU",State="AVAILABLE",NodeAddress="192.0.2.2"} 2.0'
DRIVER = 'ray_node_gpus_available{GpuIndex="%d",ip="192.0.2.2"} 1.0'


def entry(**more):
    return {"name": "n1", "role": "worker", "state": "running", "problem": None, **more}


def changed(**values: float) -> list[str]:
    """The real series, some with another value."""
    out = []
    for line in LINES:
        series, _, _ = line.rpartition(" ")
        key = next((key for key in values if key in line.replace('Location="SPILLED"', "spilled")), None)
        out.append(f"{series} {values[key]}" if key else line)
    return out


# series of a node, its role, and the alerts that they make fire
CASES = {
    "quiet": (LINES, "head", []),
    "disk": (changed(ray_node_disk_utilization_percentage=93.2), "worker", ["RayDiskFull"]),
    "no raylet": ([line for line in LINES if "ray_resources" not in line], "worker", ["RayNodeZombie"]),
    "spilled more than fits": (changed(spilled=2e8), "worker", ["RaySpilling"]),
    "spilled less than fits": (changed(spilled=9e7), "worker", []),
    "store": (
        changed(ray_object_store_used_memory=98e6, ray_object_store_available_memory=2e6),
        "worker",
        ["RayObjectStoreFull"],
    ),
    "memory of the head": (changed(ray_node_mem_used=25e9), "head", ["RayHeadMemory"]),
    "memory of a worker": (changed(ray_node_mem_used=25e9), "worker", []),
    "both GPUs there": ([*LINES, GPU, DRIVER % 0, DRIVER % 1], "worker", []),
    "one GPU gone": ([*LINES, GPU, DRIVER % 0], "worker", ["RayGpuGone"]),
    "every GPU gone": ([*LINES, GPU], "worker", ["RayGpuGone"]),
}


@pytest.mark.parametrize("case", CASES)
def test_fires_for_its_series_alone(case):
    lines, role, expected = CASES[case]
    assert [one.alert for one in firing(entry(role=role), parse_samples(lines))] == expected


def test_prometheus_fires_for_the_same_series(promtool, tmp_path):
    """Each case is a host of its own, and promtool, the real one, runs the rules over an hour."""
    series = []
    for at, (lines, role, _) in enumerate(CASES.values()):
        target = f'job="ray",instance="10.0.0.{at}:20004",host="h{at}",role="{role}"'
        of_target = [line.replace("{", "{" + target + ",", 1).rpartition(" ") for line in lines]
        series += [{"series": name, "values": f"{float(value):.0f}x60"} for name, _, value in of_target]
        series.append({"series": f"up{{{target}}}", "values": "1x60"})
    # away, and a node whose agent starts each quarter of an hour
    series.append({"series": 'up{job="ray",instance="a:1",host="gone",role="worker"}', "values": "0x60"})
    starts = 'process_start_time_seconds{job="ray",instance="b:1",host="restless",role="worker"}'
    series.append({"series": starts, "values": " ".join(str(at // 15) for at in range(61))})
    # the autoscaler's metrics are a target of no host
    series.append({"series": 'up{job="ray",instance="10.0.0.1:20006"}', "values": "0x60"})
    expected = [(name, f"h{at}") for at, (_, _, names) in enumerate(CASES.values()) for name in names]
    expected += [("RayNodeAway", "gone"), ("RayNodeFlapping", "restless")]
    (tmp_path / "rules.yml").write_text(rules())
    checks = [
        {"expr": f'ALERTS{{alertname="{name}",alertstate="firing",host="{host}"}}', "eval_time": "59m"}
        for name, host in expected
    ]
    queries = [
        {
            "expr": f"count({one['expr']})",
            "eval_time": one["eval_time"],
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for one in checks
    ]
    everything = {
        "expr": 'count(ALERTS{alertstate="firing"})',
        "eval_time": "59m",
        "exp_samples": [{"labels": "{}", "value": len(expected)}],
    }
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [*queries, everything]}],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    done = subprocess.run(
        [promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_what_prometheus_is_given(promtool, tmp_path):
    nodes = [
        metrics.Scraped("head", "head", "10.0.0.1:20004"),
        metrics.Scraped("it's $1", "worker", "[fd00::1]:20004"),
    ]
    (tmp_path / "ray").mkdir()
    texts = {
        "rules.yml": rules(),
        "prometheus.yml": metrics.prometheus_yml("lab", nodes),
        "hosts.json": metrics.hosts_json(nodes),
        "ray/prom_metrics_service_discovery.json": '[{"labels": {"job": "ray"}, "targets": ["10.0.0.1:20006"]}]',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [promtool, "check", "config", "prometheus.yml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ALERTS)} rules found" in done.stdout
    assert "WARNING" not in done.stdout


def test_a_host_keeps_its_name_in_prometheus():
    """A $ in a replacement would be a group of the expression."""
    found = yaml.safe_load(metrics.prometheus_yml("lab", [metrics.Scraped("a$1", "worker", "10.0.0.1:1")]))
    named, role = found["scrape_configs"][0]["relabel_configs"]
    assert (named["replacement"], role["replacement"]) == ("a$$1", "worker")
    assert re.fullmatch(named["regex"], "10.0.0.1:1")
    assert not re.fullmatch(named["regex"], "10x0.0.1:1")


@pytest.mark.parametrize(
    "state, expected",
    [
        ("unreachable", "RayNodeAway"),
        ("stopped", "RayNodeAway"),
        ("zombie", "RayNodeZombie"),
        ("flapping", "RayNodeFlapping"),
    ],
)
def test_a_state_fires_without_any_series(state, expected):
    (found,) = firing(entry(state=state, problem="because"), None)
    assert (found.alert, found.host, found.message) == (expected, "n1", "because")


@pytest.mark.parametrize("state", ["running", "starting", "maintenance", "drained"])
def test_what_is_on_purpose_or_under_way_fires_nothing(state):
    assert firing(entry(state=state), None) == []


def test_metrics_that_do_not_answer_are_not_silence():
    (found,) = firing(entry(), None, unread="10.0.0.2:20004: timed out")
    assert (found.alert, found.message) == (
        alerts.AWAY,
        "its metrics do not answer: 10.0.0.2:20004: timed out",
    )


def test_the_hint_names_the_host():
    (found,) = firing(entry(name="node07", state="flapping"), None)
    assert found.hint == "fab logs --host node07 says why"


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_ray_exports_every_series(path):
    """Only the driver's GPUs are missing: no host of the lab has one."""
    names = {one.name for one in parse_samples(path.read_text().splitlines())}
    assert set(alerts.series()) - names == {"ray_node_gpus_available"}


def test_text_that_is_no_metric_is_left_out():
    lines = ["# HELP a b", 'a{x="1\\"}"} 2.5', "b NaN", "c", "d{} x", "e 1"]
    found = {one.name: one.value for one in parse_samples(lines)}
    assert found.pop("b") != found.get("b")
    assert found == {"a": 2.5, "e": 1.0}


def test_ray_reads_its_dashboards_at_the_usual_ports_without_a_variable():
    assert dashboards(samples.host("head")) == {}


def test_other_ports_are_told_to_ray():
    found = samples.host("head")
    ports = found.ray.ports.model_copy(update={"prometheus": 9091, "grafana": 3001})
    found = found.model_copy(update={"ray": found.ray.model_copy(update={"ports": ports})})
    assert dashboards(found) == {
        "RAY_PROMETHEUS_HOST": "http://localhost:9091",
        "RAY_GRAFANA_HOST": "http://localhost:3001",
        "RAY_GRAFANA_IFRAME_HOST": "http://localhost:3001",
    }


def test_json_of_hosts_is_that_of_rays_own_discovery():
    found = json.loads(metrics.hosts_json([metrics.Scraped("a", "head", "10.0.0.1:20004")]))
    assert found == [{"labels": {"job": "ray"}, "targets": ["10.0.0.1:20004"]}]
