"""Prometheus beside a node, put there and removed: a real Prometheus, and a stand-in for Grafana."""

from __future__ import annotations

import json
import socket
import tarfile
import urllib.request

import pytest

from tasks.node import metrics, operations
from tasks.text.quoting import posix
from tests.script import samples
from tests.script.processes import alive, until
from tests.script.shells import SHELLS, ask, only

# a stand-in for Grafana: it says what the real one says when it listens, and keeps its words
GRAFANA = """#!/bin/sh
# a stand-in for grafana
printf '%s\\n' "$*" "$GF_PATHS_PROVISIONING" >"$HOME/grafana.words"
cat "$3/conf/defaults.ini" grafana.ini >"$HOME/grafana.read" || exit 1
echo 'logger=http.server msg="HTTP Server Listen" address=127.0.0.1:3000'
exec sleep 600
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def get(port: int, path: str):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return json.load(answer)


@pytest.fixture
def home(tmp_path):
    """A home with a node that a loop keeps alive, and a session of Ray with one dashboard."""
    folder = tmp_path / "it's home"
    node = folder / ".rayfab/lab"
    node.mkdir(parents=True)
    (node / "service").write_text("loop\n")
    (node / "temp").write_text(f"{tmp_path}/ray\n")
    boards = tmp_path / "ray/session_1/metrics/grafana/dashboards"
    boards.mkdir(parents=True)
    (boards / "default_grafana_dashboard.json").write_text("{}")
    # in a container Ray sees its folder elsewhere
    (tmp_path / "ray/session_latest").symlink_to("/elsewhere/session_1")
    yield folder
    ask(metrics.down_script("lab"), "dash", folder)


def archived(home, part: str, files: dict[str, object]) -> None:
    """An archive as the makers publish it: all in one folder."""
    with tarfile.open(home / ".rayfab/lab" / metrics.ARCHIVE.format(part), "w:gz") as tar:
        for name, source in files.items():
            tar.add(source, f"{part}-1.0/{name}")


def up(home, shell: str, port: int, nodes, **more):
    host = samples.host("head")
    ports = host.ray.ports.model_copy(update={"prometheus": port})
    host = host.model_copy(update={"ray": host.ray.model_copy(update={"ports": ports})})
    node = str(home / ".rayfab/lab")
    script = metrics.up_script(host, "lab", nodes, kind="loop", node=node, user="alice", **more)
    return ask(script, shell, home)


def test_a_real_prometheus_reads_its_hosts_and_leaves_nothing(home, promtool, tmp_path):
    port, dead = free_port(), free_port()
    program = promtool.parent / "prometheus"
    archived(home, "prometheus", {"prometheus": program})
    (tmp_path / "grafana").write_text(GRAFANA)
    (tmp_path / "grafana").chmod(0o755)
    (tmp_path / "defaults.ini").write_text("[server]\n")
    archived(
        home, "grafana", {"bin/grafana": tmp_path / "grafana", "conf/defaults.ini": tmp_path / "defaults.ini"}
    )
    # it exports metrics itself, and so is a host that answers
    nodes = [
        metrics.Scraped("here", "head", f"127.0.0.1:{port}"),
        metrics.Scraped("gone", "worker", f"127.0.0.1:{dead}"),
    ]
    discovered = [{"labels": {"job": "ray"}, "targets": [f"127.0.0.1:{port}", f"localhost:{port}"]}]
    (tmp_path / "ray/prom_metrics_service_discovery.json").write_text(json.dumps(discovered))
    answer = up(home, "dash", port, nodes, given=("prometheus", "grafana"))
    assert answer.ok, (answer.error, answer.texts)
    assert answer.values["prometheus"][0].isdigit()
    assert answer.values["dashboards"] == "1"
    assert "undiscovered" not in answer.values
    folder = home / ".rayfab/lab/metrics"
    assert answer.values["grafana"] == f"{folder}/grafana/grafana-1.0"
    words, provisioning = (home / "grafana.words").read_text().splitlines()
    assert words == "server --homepath grafana-home --config grafana.ini"
    assert provisioning == f"{folder}/provisioning"
    assert "disable_initial_admin_creation = true" in (home / "grafana.read").read_text()

    def targets():
        found = get(port, "/api/v1/targets?state=active")["data"]["activeTargets"]
        return {one["discoveredLabels"]["__address__"]: one for one in found}

    # what the hosts file and Ray's discovery both name is one target; what only Ray names is read, too
    until(lambda: len(found := targets()) == 3 and all(one["health"] != "unknown" for one in found.values()))
    found = targets()
    assert {at: one["health"] for at, one in found.items()} == {
        f"127.0.0.1:{port}": "up",
        f"localhost:{port}": "up",
        f"127.0.0.1:{dead}": "down",
    }
    labels = found[f"127.0.0.1:{port}"]["labels"]
    assert (labels["host"], labels["role"], labels["job"]) == ("here", "head", "ray")
    rules = get(port, "/api/v1/rules")["data"]["groups"][0]["rules"]
    assert {one["name"] for one in rules if one["health"] == "ok" or one["health"] == "unknown"} >= {
        "RayNodeAway"
    }

    # again: it is replaced in place, with its values
    kept = (folder / "data").stat().st_ino
    again = up(home, "dash", port, nodes[:1])
    assert again.ok, again.error
    assert (folder / "data").stat().st_ino == kept
    assert "grafana" in again.values
    down = ask(metrics.down_script("lab"), "dash", home)
    assert down.ok and down.values["changed"] == "1"
    assert not folder.exists()
    with pytest.raises(OSError):
        get(port, "/-/ready")
    assert ask(metrics.down_script("lab"), "dash", home).values["changed"] == "0"


def test_on_a_machine_without_a_node_it_has_the_dashboards_of_the_head(home, promtool, tmp_path):
    boards = ask(metrics.boards_script("lab").text.replace("TEMP_DIR=/tmp/ray\n", ""), "dash", home)
    assert boards.texts == {"board:default_grafana_dashboard.json": ["{}"]}
    here = tmp_path / "here"
    (here / ".rayfab/lab").mkdir(parents=True)
    (here / ".rayfab/lab" / metrics.ARCHIVE.format(metrics.BOARDS)).write_bytes(metrics.packed(boards.texts))
    archived(here, "prometheus", {"prometheus": promtool.parent / "prometheus"})
    port = free_port()
    nodes = [metrics.Scraped("far", "head", f"127.0.0.1:{port}")]
    try:
        answer = up(here, "dash", port, nodes, given=("prometheus", metrics.BOARDS), here=True)
        assert answer.ok, (answer.error, answer.texts)
        assert answer.values["dashboards"] == "1" and "undiscovered" not in answer.values
        folder = here / ".rayfab/lab/metrics"
        assert (folder / "dashboards/default_grafana_dashboard.json").read_text() == "{}"
        until(lambda: get(port, "/api/v1/targets?state=active")["data"]["activeTargets"])
    finally:
        down = ask(metrics.down_script("lab"), "dash", here)
    assert down.values["changed"] == "1"
    assert not (here / ".rayfab/lab").exists()


def test_a_port_in_use_is_named(home, promtool):
    archived(home, "prometheus", {"prometheus": promtool.parent / "prometheus"})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        answer = up(home, "dash", port, [], given=("prometheus",))
    assert answer.error == f"port {port} of 127.0.0.1 is in use on this host"
    assert "ray.ports.prometheus" in answer.hint


@pytest.mark.parametrize("shell", SHELLS)
class TestInEveryShell:
    def test_destroy_removes_it(self, shell, home):
        """A stand-in for Prometheus: the words of the real one, and a process that stays."""
        program = home / "prometheus"
        program.write_text(
            "#!/bin/sh\n# a stand-in for prometheus\n"
            'case $1 in --version) echo "prometheus, version 2.0 (x)"; exit ;; esac\n'
            'echo $$ >"$HOME/pid"\necho "Server is ready to receive web requests."\nexec sleep 600\n'
        )
        program.chmod(0o755)
        archived(home, "prometheus", {"prometheus": program})
        answer = up(home, shell, 1, [], given=("prometheus",))
        assert answer.ok, answer.error
        assert answer.values["prometheus"] == "2.0"
        assert "undiscovered" in answer.values
        pid = int((home / "pid").read_text())
        text = operations.destroy_script(samples.host(), "lab").text
        answer = ask(text.replace("TEMP_DIR=/tmp/ray\n", f"TEMP_DIR={posix(str(home))}/temp\n"), shell, home)
        assert answer.ok, answer.error
        assert not (home / ".rayfab").exists()
        until(lambda: not alive(pid), 10)

    def test_without_a_way_to_get_one_it_says_so(self, shell, home, tmp_path):
        (tmp_path / "bin").mkdir()
        for name in (
            "sh",
            "uname",
            "id",
            "cat",
            "mkdir",
            "rm",
            "tr",
            "sed",
            "readlink",
            "sleep",
            "grep",
            "ps",
        ):
            (tmp_path / "bin" / name).symlink_to(f"/bin/{name}")
        host = samples.host("head")
        script = metrics.up_script(host, "lab", [], kind="loop", node=str(home / ".rayfab/lab"), user="alice")
        answer = ask(only(script.text), shell, home, path=str(tmp_path / "bin"))
        assert answer.error == "there is no Prometheus on this host, and no apt-get to get one"
        assert "FILE@sha256:SUM" in answer.hint


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
