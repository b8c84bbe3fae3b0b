"""Makes the pictures of the manual from a real run on hosts of the lab: `python docs/pictures/make.py`.

Needs what the lab needs (Linux, root), and Debian's packages chromium, chromium-driver and a font with Chinese.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
TOP = HERE.parents[1]
sys.path[:0] = [str(TOP), str(HERE)]

import diagrams  # noqa: E402
import terminal  # noqa: E402

from tests.browser import browser  # noqa: E402
from tests.lab.hosts import test_lab, write_hosts_file  # noqa: E402

HOSTS_FILE = "lab.yml"
PORT = 8265
JOB = "import ray, time; ray.init(); f = ray.remote(lambda: time.sleep(40)); ray.get([f.remote() for _ in range(6)])"


class Desk:
    """The operator: in the project's folder, where `fab lab-up` writes lab.yml too, with a home of their own."""

    def __init__(self, home: Path) -> None:
        self.env = {**os.environ, "HOME": str(home), "RAYFAB_PROGRAM": "./fab"}

    def fab(self, *words: str) -> list[str]:
        return [str(TOP / "fab"), words[0], "--hosts-file", HOSTS_FILE, *words[1:]]

    def begun(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(self.fab(*words), cwd=TOP, env=self.env, stdout=subprocess.PIPE, text=True)

    def drawn(self, name: str, *words: str, status: int = 0) -> None:
        """Run `fab WORDS` in a terminal and draw what it has printed."""
        code, screen = terminal.record(self.fab(*words), TOP, self.env)
        shown = " ".join(["./fab", words[0], "--hosts-file", HOSTS_FILE, *words[1:]])
        terminal.draw(screen, shown, HERE / f"{name}.svg")
        assert code == status, f"{shown}: status {code}"


def dashboard(desk: Desk, token: str) -> None:
    """Ray's dashboard with all nodes, as `fab dashboard` opens it."""
    job = desk.begun("submit", "--", "python", "-c", JOB)
    tunnel = desk.begun("dashboard", "--port", str(PORT))
    try:
        next(line for line in tunnel.stdout if f"127.0.0.1:{PORT}" in line)
        with browser(1440, 860) as page:
            page.open(f"http://127.0.0.1:{PORT}/")
            page.cookie("ray-authentication-token", token)
            page.open(f"http://127.0.0.1:{PORT}/#/cluster")
            page.run("location.reload()")  # only the part behind # has changed, and the page asks for the token
            page.until(lambda: page.run("return document.body.innerText.match(/ALIVE/g)?.length >= 3"))
            time.sleep(12)  # until the workers of the job are listed with their load
            page.picture(HERE / "dashboard.png")
            print(HERE / "dashboard.png")
    finally:
        for process in (tunnel, job):
            process.terminate()
            process.wait()


def main() -> None:
    for language, ending in (("en", ".svg"), ("zh", ".zh.svg")):
        diagrams.deploy(language, HERE / f"deploy{ending}")
        diagrams.ports(language, HERE / f"ports{ending}")
    if (TOP / HOSTS_FILE).exists():
        raise SystemExit(f"{TOP / HOSTS_FILE} is there: ./fab lab-down removes it")
    lab = test_lab()
    lab.down()
    hosts = lab.add_hosts([None] * 3, "python", ("main",))
    try:
        with tempfile.TemporaryDirectory() as home:
            desk = Desk(Path(home))
            names = {host.name: {"name": f"node{number}"} for number, host in enumerate(hosts, 1)}
            write_hosts_file(TOP, hosts, settings={"cluster": "lab"}, per_host=names, name=HOSTS_FILE)
            desk.drawn("first", "deploy-cluster")
            dashboard(desk, hosts[0].exec("cat /root/.rayfab/lab/token")[1].strip())
            hosts[2].exec("systemctl stop ssh ssh.socket; pkill -9 raylet")
            desk.drawn("one-down", "status", status=1)
    finally:
        (TOP / HOSTS_FILE).unlink(missing_ok=True)
        lab.down()


if __name__ == "__main__":
    main()
