"""A Windows host from nothing to a node and back, over the stand-in for its SSH server, as a deploy does it.

Nothing is fetched by the host: what it needs is carried there. Stand-ins: the server, PowerShell, conda, its installer,
uv, Ray and the Task Scheduler (tests/standins/windows).
"""

from __future__ import annotations

import hashlib
import subprocess

import paramiko
import pytest

from tasks.inventory.secret import Secret
from tasks.node import operations
from tasks.node.start import token_script
from tasks.runtimes.conda import scripts as conda
from tasks.runtimes.facts import facts_script, parse_facts
from tasks.runtimes.packages.fetch import fetch_script
from tasks.runtimes.packages.items import Item
from tasks.script import powershell as windows
from tasks.ssh import Settings, Target, connect
from tests.runtimes.packages.kits import kit_of
from tests.script import samples
from tests.standins.windows import programs
from tests.standins.windows.machine import Machine
from tests.standins.windows.server import WindowsSshd

HOST = samples.host("head", samples.CONDA)
FILES = {
    "Miniconda3-py39_24.9.2-0-Windows-x86_64.exe": "installer",
    "uv-0.9.0-py3-none-win_amd64.whl": "tool",
    "python-3.7.16-h6244533_0.conda": "conda",
    "ray-2.52.0-cp37-cp37m-win_amd64.whl": "wheel",
}
ENV = samples.versions().env_id
DRIVER = 'import sys; print("RF", sys.argv[1])'


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path / "C")
    yield made
    made.kill_all()


@pytest.fixture
def host(machine, tmp_path):
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (tmp_path / "ssh_config").write_text("Host *\n  IdentityFile none\n")
    settings = Settings(ssh_config=tmp_path / "ssh_config", known_hosts=tmp_path / "known", agent="")
    with WindowsSshd(machine, paramiko.Ed25519Key(filename=str(key)), "cmd") as server:
        target = Target("win", server.address, user="me", port=server.port, key=str(key))
        with connect(target, settings) as opened:
            yield opened
        assert server.wrong == []


def test_from_nothing_to_a_node_and_back(machine, host, tmp_path):
    steps: list[str] = []

    def ask(script, **secrets):
        hidden = {name: Secret(value) for name, value in secrets.items()}
        answer = host.ask(windows.text_of(script), secrets=hidden, timeout=60, on_step=steps.append)
        assert answer.ok, (answer.error, answer.texts)
        return answer

    def facts():
        answer = ask(facts_script(HOST, "lab"))
        return parse_facts(HOST, answer.all, answer.texts)

    # what is there
    found = facts()
    assert (found.system, found.own.condas, found.own.prefix, found.state) == ("Windows", (), "absent", None)

    # carried, since the host has no way to fetch it
    items = []
    for name, kind in FILES.items():
        path = tmp_path / name
        if kind == "tool":
            programs.wheel(path, "uv-0.9.0.data/scripts/uv.exe")
        elif kind == "installer":
            programs.put(path)
        else:
            path.write_bytes(name.encode())
        data = path.read_bytes()
        items.append(Item(kind, name, hashlib.sha256(data).hexdigest(), len(data), "-"))
    assert ask(fetch_script("lab", items)).all["missing"]
    for name in FILES:
        host.carry(tmp_path / name, f"{found.home}/.rayfab/.store/{name}.part")
    assert ask(fetch_script("lab", items)).values == {"fetched": "0"}

    # installed and started
    kit = kit_of(items, "3.7.16", platform="win-64")
    script = conda.conda_script(HOST, "lab", env_id=ENV, kit=kit, items=kit.items, uv_version="0.9.0")
    assert ask(script).values == {"fetched": "0", "changed": "1"}
    token = ask(token_script("lab"), RF_TOKEN="t0ken").values["token"]
    of = samples.subject("head", host_=HOST, system="Windows", home=found.home, user=found.user, uid=-1)
    wanted = samples.desired(of)
    state = wanted.state("f1nger", "request")
    up = samples.up_script(HOST, "lab", wanted, found.home, state, token=True)
    answer = ask(up, RF_TOKEN=token)
    assert (answer.values, answer.texts["address"]) == ({"started": "1"}, ["--address='10.0.0.1:6379'"])
    assert "making the environment" in steps and "starting Ray" in steps

    # a node, whose Python answers
    found = facts()
    assert (found.service, found.active, found.state, found.envs) == ("task", True, state, frozenset({ENV}))
    assert [(c.kind, c.path) for c in found.own.condas] == [("conda", r"C:\Users\me\conda\Scripts\conda.exe")]
    assert [f"/.rayfab/lab/envs/{ENV}/" in p.exe for p in found.ray_processes] == [True]
    verify = operations.verify_script("lab", "10.0.0.1:6379", [], tasks=False, timeout=1.0)
    verify.values["DRIVER"] = DRIVER
    assert ask(verify).texts["answer"] == [verify.values["SPEC"]]

    # stopped and gone
    assert ask(operations.stop_script("lab")).values == {"changed": "1"}
    assert not facts().active and machine.running() == {}
    assert ask(operations.destroy_script(HOST, "lab", purge=True)).values == {"changed": "1"}
    assert list(machine.drive.at(r"C:\Users\me").iterdir()) == []
