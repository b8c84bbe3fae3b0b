"""The lower bound: the commands that an expert would run with parallel `ssh`, without any checks."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version

import stage
from stage import LabHost, Operator

from tasks.inventory import Cluster
from tasks.node.ray import start_arguments
from tasks.script.files import files

UV_FROM_INDEX = files("sh")["uv_install"]

INSTALL = """set -e
mkdir -p ~/uv
python3 - '' {uv_version} "$HOME/uv" <<'PY'
{fetch_uv}
PY
export UV_SYSTEM_CERTS=1 UV_NO_PROGRESS=1
~/uv/uv venv --quiet --no-project --python {python} ~/ray
cat >~/requirements.lock <<'LOCK'
{lock}
LOCK
~/uv/uv pip install --quiet --no-deps --python ~/ray/bin/python -r ~/requirements.lock
"""

START = """set -e
ulimit -n "$(ulimit -H -n)"
export PATH=~/ray/bin:$PATH
{arguments} </dev/null >~/start.log 2>&1 || {{ cat ~/start.log; exit 1; }}
"""

ALIVE = "import ray; ray.init(log_to_driver=False); print('alive', sum(n['Alive'] for n in ray.nodes()))"


@dataclass(frozen=True)
class Recipe:
    """The tool's own decisions: the same uv, Python, packages and `ray start` commands."""

    lock: str
    python: str
    ray: str
    port: int
    starts: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, head: LabHost, cluster: Cluster) -> Recipe:
        """Read from a cluster that the tool has deployed."""
        lock = head.must(f"cat ~/.rayfab/{stage.CLUSTER}/env/requirements.lock").strip()
        python = head.must(f"readlink -f ~/.rayfab/{stage.CLUSTER}/env/bin/python").strip()
        ray = next(line.split("==")[1] for line in lock.splitlines() if line.startswith("ray=="))
        gcs = f"{cluster.head.host}:{cluster.head.ray.port}"
        starts = {host.host: start_arguments(host, ray, host.host, gcs) for host in cluster.hosts}
        return cls(lock, python, ray, cluster.head.ray.port, starts)

    def install(self) -> str:
        fetch = UV_FROM_INDEX.read_text("utf-8").split("<<'PY'\n")[1].split("\nPY\n")[0]
        return INSTALL.format(
            uv_version=version("uv"), fetch_uv=fetch, python=shlex.quote(self.python), lock=self.lock
        )

    def start(self, address: str) -> str:
        return START.format(arguments=shlex.join(self.starts[address]))


def deploy(who: Operator, hosts: Sequence[LabHost], recipe: Recipe) -> None:
    """Head: install and start; workers: install meanwhile; then the workers start, all at once."""
    head, *workers = [host.address for host in hosts]
    with ThreadPoolExecutor(len(hosts)) as pool:
        first = [pool.submit(_run, who, head, recipe.install() + recipe.start(head))]
        first += [pool.submit(_run, who, worker, recipe.install()) for worker in workers]
        for job in first:
            job.result()
        for job in [pool.submit(_run, who, worker, recipe.start(worker)) for worker in workers]:
            job.result()


def alive(head: LabHost) -> int:
    """The number of nodes in Ray's own table, read without SSH after the measurement."""
    out = head.must(["sh", "-c", f"~/ray/bin/python -c {shlex.quote(ALIVE)} 2>/dev/null"])
    return int(out.rpartition("alive")[2])


def _run(who: Operator, address: str, script: str) -> None:
    done = subprocess.run(
        stage.ssh(who, address, "exec sh -s"), input=script, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"by hand: {address}: {(done.stderr or done.stdout).strip()}")
