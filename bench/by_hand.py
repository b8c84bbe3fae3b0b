"""The lower bound: the commands that an expert would run with parallel `ssh`, without any checks."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import stage
from stage import LabHost, Operator

from tasks.inventory import Cluster
from tasks.node.ray import start_arguments
from tasks.runtimes.packages import pypi
from tasks.runtimes.packages.lock import parse

# uv's wheel holds one program; there is no pip on the hosts
FETCH_UV = """
import io, os, sys, urllib.request, zipfile
wheel = zipfile.ZipFile(io.BytesIO(urllib.request.urlopen(sys.argv[1]).read()))
with open(sys.argv[2], "wb") as out:
    out.write(wheel.read([name for name in wheel.namelist() if name.endswith("/scripts/uv")][0]))
os.chmod(sys.argv[2], 0o755)
"""

INSTALL = """set -e
mkdir -p ~/uv
python3 -c {fetch_uv} {uv} "$HOME/uv/uv"
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
    uv: str
    python: str
    ray: str
    port: int
    starts: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, head: LabHost, cluster: Cluster) -> Recipe:
        """Read from a cluster that the tool has deployed."""
        locked = parse(head.must(f"cat ~/.rayfab/{stage.CLUSTER}/env/requirements.lock"))
        lock = "\n".join("==".join(item.file.split("-")[:2]) for item in locked.of("wheel"))
        uv = pypi.uv_wheel(cluster.head, locked.platform, "2.17").url.partition("#")[0]
        python = head.must(f"readlink -f ~/.rayfab/{stage.CLUSTER}/env/bin/python").strip()
        gcs = f"{cluster.head.host}:{cluster.head.ray.port}"
        starts = {host.host: start_arguments(host, locked.ray, host.host, gcs) for host in cluster.hosts}
        return cls(lock, uv, python, locked.ray, cluster.head.ray.port, starts)

    def install(self) -> str:
        python, uv, fetch = map(shlex.quote, (self.python, self.uv, FETCH_UV))
        return INSTALL.format(fetch_uv=fetch, uv=uv, python=python, lock=self.lock)

    def start(self, address: str) -> str:
        return START.format(arguments=shlex.join(self.starts[address]))


def deploy(who: Operator, hosts: Sequence[LabHost], recipe: Recipe) -> None:
    """Head: install and start; workers: install meanwhile; then the workers start, all at once."""
    head, *workers = [host.address for host in hosts]
    with ThreadPoolExecutor(len(hosts)) as pool:
        first = [pool.submit(run, who, head, recipe.install() + recipe.start(head))]
        first += [pool.submit(run, who, worker, recipe.install()) for worker in workers]
        for job in first:
            job.result()
        for job in [pool.submit(run, who, worker, recipe.start(worker)) for worker in workers]:
            job.result()


def alive(head: LabHost) -> int:
    """The number of nodes in Ray's own table, read without SSH after the measurement."""
    out = head.must(["sh", "-c", f"~/ray/bin/python -c {shlex.quote(ALIVE)} 2>/dev/null"])
    return int(out.rpartition("alive")[2])


def run(who: Operator, address: str, script: str) -> None:
    done = subprocess.run(
        stage.ssh(who, address, "exec sh -s"), input=script, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"by hand: {address}: {(done.stderr or done.stdout).strip()}")
