"""The newcomer's path, word for word: a fresh machine, the project's folder, ./fab deploy-cluster."""

from __future__ import annotations

import re
import shlex
import subprocess

import pytest

from tasks.testbed import keys
from tasks.testbed.engine import ROOT
from tests.lab.story import sh

START = ROOT / "docs" / "start"


@pytest.fixture(scope="module")
def machine(fresh_host, tmp_path_factory):
    """A host with Debian's Python and nothing of ours but a copy of the project's files."""
    host = fresh_host("python")
    archive = tmp_path_factory.mktemp("newcomer") / "project.tar"
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "--null", "-T", "-", "-cf", str(archive)], cwd=ROOT, input=names, check=True)
    host.copy_in(archive, "/var/tmp/project.tar")
    return host


def as_user(host, user, home, script, timeout=600):
    words = [
        "runuser",
        "-u",
        user,
        "--",
        "env",
        "-i",
        f"HOME={home}",
        "PATH=/usr/bin:/bin",
        "sh",
        "-c",
        script,
    ]
    done = host.exec(words, timeout=timeout)
    return done[0], done[1] + done[2]


def commands(page):
    """The commands of a page of the manual, word for word."""
    text = (START / page).read_text("utf-8")
    return [
        line for block in re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S) for line in block.splitlines()
    ]


def typed(host, user, home, place, command):
    """The output of a command on a terminal, where yes is the answer if it asks."""
    on_terminal = f"printf 'y\\n' | script -qec {shlex.quote(command)} /dev/null"
    code, out = as_user(host, user, home, f"cd {place} && {on_terminal}")
    assert code == 0, f"{command}\n{out}"
    return out


def traces(host, home):
    """What lies in the home and in the places where a cluster leaves something."""
    where = f"{home} /tmp /etc/systemd/system /var/lib/systemd/linger"
    return sh(host, f"find {where} -not -path '*project/*' 2>/dev/null | sort")


def test_where_venv_is_missing_it_says_the_one_command(machine):
    sh(machine, "mkdir -p /root/project && tar -xf /var/tmp/project.tar -C /root/project")
    if machine.exec("python3 -c 'import ensurepip'")[0] == 0:
        pytest.fail("the test host has ensurepip: this test cannot show anything")
    code, out = as_user(machine, "root", "/root", "cd /root/project && ./fab --list")
    assert code == 1
    assert "sudo apt-get install -y python3-venv" in out
    sh(machine, "apt-get update -qq && apt-get install -y -qq python3-venv")
    code, out = as_user(machine, "root", "/root", "cd /root/project && ./fab --list")
    assert code == 0, out
    assert "deploy-cluster" in out


@pytest.mark.parametrize(
    ("user", "folder"),
    [
        # the test below deploys as root, too
        pytest.param("root", "project", marks=pytest.mark.matrix),
        ("alice", 'it\'s "my" project'),
    ],
)
def test_one_command_and_ray_lives(machine, user, folder):
    home = "/root" if user == "root" else f"/home/{user}"
    place = shlex.quote(f"{home}/{folder}")
    if user != "root":
        machine.add_user(user)
        sh(machine, f"mkdir -p {place} && tar -xf /var/tmp/project.tar -C {place}")
        sh(
            machine,
            f"chown -R {user} {place} && loginctl enable-linger {user} && rm -rf /var/lib/systemd/linger/*",
        )
    before = traces(machine, home)
    deploy, status, submit, destroy = commands("this-machine.md")
    out = typed(machine, user, home, place, deploy)
    assert "1 host run Ray" in out or "1 host runs Ray" in out
    assert "a task ran on each" in out
    assert "./fab status" in out
    assert "healthy" in typed(machine, user, home, place, status)
    assert "'CPU'" in typed(machine, user, home, place, submit)
    typed(machine, user, home, place, destroy)
    left = set(traces(machine, home).splitlines()) - set(before.splitlines())
    # the operator's own log of what was done is all that stays
    assert {name for name in left if "/.local" not in name} == set()
    assert sh(machine, "pgrep -c 'raylet|gcs_server' || true") in ("", "0")


@pytest.mark.matrix  # Ray is started three times; tests/node shows the address that is chosen
def test_a_cluster_of_one_goes_on_without_a_network(machine):
    """A laptop on a train: its address is gone, and its own name means 127.0.1.1."""

    def fab(words):
        code, out = as_user(machine, "root", "/root", f"cd /root/project && ./fab {words}")
        assert code == 0, out
        return out

    fab("deploy-cluster")
    address = sh(machine, "ip -o -4 addr show eth0 | awk '{ print $4 }'")
    route = sh(machine, "ip route show default")
    hosts = sh(machine, "cat /etc/hosts")
    try:
        # /etc/hosts is mounted, so it can only be written to
        sh(
            machine,
            f"printf '127.0.0.1 localhost\n127.0.1.1 {machine.name}\n' >/etc/hosts && ip addr flush dev eth0",
        )
        assert "1 host runs Ray" in fab("restart --yes")
        assert "healthy" in fab("status")
    finally:
        sh(machine, f"ip addr add {address} dev eth0 && ip route add {route}")
        machine.exec(["sh", "-c", "cat >/etc/hosts <<'END'\n" + hosts + "\nEND"])
    assert "1 host runs Ray" in fab("deploy-cluster")
    fab("destroy --yes")


def test_the_environment_that_root_made_is_enough_for_a_user(machine):
    sh(machine, "mkdir -p /srv/project && tar -xf /var/tmp/project.tar -C /srv/project")
    code, out = as_user(machine, "root", "/root", "/srv/project/fab --version")
    assert code == 0 and "the environment is in /srv/project/.venv" in out
    code, out = as_user(machine, "alice", "/home/alice", "/srv/project/fab --version")
    assert code == 0, out
    assert out.startswith("rayfab ") and len(out.splitlines()) == 1


def test_the_commands_of_what_you_need(machine):
    """After the first use: the page's mirror need not be reachable."""
    for command in commands("requirements.md"):
        assert "deploy-cluster" in typed(machine, "root", "/root", "/root/project", command)


@pytest.mark.matrix  # the lab of whoever works here; test_testbed.py shows each command on labs of its own
def test_the_commands_of_the_lab(tmp_path):
    """On this machine, in a copy of the project's files that makes its own environment."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    packed = subprocess.run(
        ["tar", "--null", "-T", "-", "-c"], cwd=ROOT, input=files, capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", str(tmp_path)], input=packed.stdout, check=True)
    lines = [line.partition("  #")[0] for line in commands("lab.md")]
    assert [line.split()[1] for line in lines] == ["lab-up", "check", "deploy-cluster", "lab-down"]
    said = {}
    try:
        for line in lines[:-1]:
            done = subprocess.run(
                ["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=900
            )
            said[line.split()[1]] = done.stdout
            assert done.returncode == 0, done.stdout + done.stderr
    finally:
        done = subprocess.run(
            ["sh", "-c", lines[-1]], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
    assert "3 hosts run Ray" in said["deploy-cluster"] and "a task ran on each" in said["deploy-cluster"]
    assert done.returncode == 0 and not (tmp_path / "lab.yml").exists()


# four more hosts, for the words of one page
@pytest.mark.matrix
def test_the_commands_of_your_own_machines(machine, fresh_hosts):
    """The hosts have the page's addresses, and accept the key that `ssh` finds by itself."""
    for number, host in enumerate(fresh_hosts(4, "python"), 1):
        sh(host, f"ip addr add 10.0.0.{number}/24 dev eth0")
    sh(machine, "ip addr add 10.0.0.100/24 dev eth0 && mkdir -p -m 700 /root/.ssh")
    machine.copy_in(keys.login_key(), "/root/.ssh/id_ed25519")
    sh(machine, "chown root: /root/.ssh/id_ed25519 && chmod 600 /root/.ssh/id_ed25519")
    outputs = [typed(machine, "root", "/root", "/root/project", line) for line in commands("own-machines.md")]
    assert len(outputs) == 4
    assert "4 hosts run Ray" in outputs[-1], outputs[-1]
    typed(machine, "root", "/root", "/root/project", "./fab destroy")
    sh(machine, "rm /root/project/my_hosts.yml /root/.ssh/id_ed25519")


@pytest.mark.matrix  # Debian's pipx is installed, and Ray a second time
def test_a_command_without_the_folder_that_speaks_chinese(machine):
    """pipx makes its own environment; a cluster lives and goes without a checkout, and no sentence stays English."""

    def rayfab(words):
        line = f"cd /root/lab && RAYFAB_LANG=zh_CN /root/.local/bin/rayfab {words}"
        code, out = as_user(machine, "root", "/root", line)
        assert code == 0, out
        return out

    sh(machine, "apt-get update -qq && apt-get install -y -qq pipx >/dev/null && mkdir -p /root/lab")
    code, out = as_user(
        machine, "root", "/root", "cd /root/project && pipx install . && rm -rf build *.egg-info"
    )
    assert code == 0, out
    assert "my_hosts.yml" in rayfab("init --no-connect")
    try:
        out = rayfab("deploy-cluster")
        assert "1 台主机运行 Ray" in out and "每台都运行了一个任务" in out
        assert english(out) == []
        assert "ray 正常" in (out := rayfab("status"))
        assert english(out) == []
    finally:
        out = rayfab("destroy --yes")
    assert english(out) == []
    assert sh(machine, "pgrep -c 'raylet|gcs_server' || true") in ("", "0")


def english(out):
    """Lines with four English words in a row, without a Chinese character."""
    return [
        line
        for line in out.splitlines()
        if re.search(r"[a-z]+( [a-z]+){3}", line) and not re.search(r"[\u4e00-\u9fff]", line)
    ]
