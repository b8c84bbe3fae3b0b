"""`fab init --from`: files as people write them for ssh, Ansible and `ray up`, and the hosts files made of them."""

from __future__ import annotations

import json

import pytest
from invoke import Context, Exit

from tasks import check
from tasks.actions import cli, first_file
from tasks.inventory import load
from tasks.inventory.foreign import jump_of

INI = """\
# the lab
localhost ansible_connection=local
bastion.lab

[gpu]
gpu[01:03].lab ansible_user=ubuntu # three of them
big ansible_host=10.0.0.9 ansible_port=2222 ansible_ssh_pass=s3cret

[cpu]
10.0.0.[20:24:2]

[ray_head]
gpu01.lab

[ray:children]
gpu
cpu

[ray:vars]
ansible_user=ray
ansible_ssh_private_key_file=~/.ssh/lab
ansible_ssh_common_args='-o ProxyCommand="ssh -W %h:%p -q me@bastion.lab"'
ansible_become_password="{{ vault_password }}"
"""

YAML = """\
all:
  vars: {ansible_user: ubuntu}
  children:
    head:
      hosts:
        node1: {ansible_host: 10.0.0.1}
    workers:
      hosts:
        node2: {ansible_host: 10.0.0.2, ansible_user: root}
        node3:
          ansible_host: 10.0.0.3
          ansible_become_pass: !vault |
            $ANSIBLE_VAULT;1.1;AES256
"""

SSH = """\
Host github.com gitee
    HostName github.com
    User git

Host bastion
    HostName 203.0.113.7

Host node1 node2
    HostName %h.lab
    User ubuntu
    Port 2222
    IdentityFile ~/.ssh/lab
    ProxyJump me@bastion

Host *
    ServerAliveInterval 30
"""

RAY_UP = """\
cluster_name: on-premise
docker:
    image: rayproject/ray-ml:2.9.0-gpu
    container_name: ray_container
    run_options: ["--ulimit nofile=65536:65536", --shm-size=8g]
provider:
    type: local
    head_ip: 10.0.0.1
    worker_ips: [10.0.0.2, 10.0.0.3]
auth:
    ssh_user: ubuntu
    ssh_private_key: ~/.ssh/id_rsa
min_workers: 2
max_workers: 2
file_mounts: {"/data": "./data"}
setup_commands: [pip install emoji]
head_start_ray_commands:
    - ray stop
    - ulimit -c unlimited && ray start --head --port=6379 --autoscaling-config=~/ray_bootstrap_config.yaml --num-cpus=0
"""


@pytest.fixture
def init(tmp_path, monkeypatch, capsys):
    """init(text, "--host"s...): the hosts file made of a file with this text, and what was said."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    monkeypatch.setattr(cli, "load_with_keys", load)
    monkeypatch.setattr(first_file, "try_hosts", lambda path, console: None)

    def do(text, *hosts, name="inventory", **more):
        source = tmp_path / name
        source.write_text(text)
        path = tmp_path / "hosts.yml"
        check.init.body(Context(), host=list(hosts), from_=str(source), hosts_file=str(path), **more)
        return load(path), capsys.readouterr().out

    do.folder = tmp_path
    return do


def refused(init, text, *hosts, **more):
    with pytest.raises(Exit) as end:
        init(text, *hosts, **more)
    assert end.value.code == 2
    assert not (init.folder / "hosts.yml").exists()
    return end.value.message


class TestAnsible:
    def test_ini_with_groups_ranges_and_variables(self, init):
        cluster, said = init(INI, "ray")
        assert [host.host for host in cluster.hosts] == [
            *("gpu01.lab", "gpu02.lab", "gpu03.lab", "10.0.0.9"),
            *("10.0.0.20", "10.0.0.22", "10.0.0.24"),
        ]
        assert {host.user for host in cluster.hosts} == {"ubuntu", "ray"}
        assert cluster.head.user == "ubuntu"
        big = cluster.workers[2]
        assert (big.name, big.port, big.user) == ("big", 2222, "ray")
        assert {host.jump for host in cluster.hosts} == {("me@bastion.lab",)}
        assert cluster.head.key.endswith("/.ssh/lab")
        assert "passwords are not taken over (ansible_become_password, ansible_ssh_pass)" in said
        assert "s3cret" not in (init.folder / "hosts.yml").read_text()

    def test_the_group_of_the_head_decides_who_it_is(self, init):
        cluster, _ = init(INI)
        assert cluster.head.host == "gpu01.lab"
        assert cluster.workers[0].connection == "local"

    def test_yaml_with_a_vault(self, init):
        cluster, said = init(YAML, name="inventory.yml")
        assert [(host.name, host.host, host.user) for host in cluster.hosts] == [
            ("node1", "10.0.0.1", "ubuntu"),
            ("node2", "10.0.0.2", "root"),
            ("node3", "10.0.0.3", "ubuntu"),
        ]
        assert "ansible_become_pass" in said

    def test_what_ansible_inventory_prints(self, init):
        value = {
            "_meta": {"hostvars": {"a": {"ansible_host": "10.0.0.1"}, "b": {"ansible_user": "me"}}},
            "all": {"children": ["ungrouped", "ray"]},
            "ray": {"hosts": ["a", "b"]},
        }
        cluster, _ = init(json.dumps(value))
        assert [(host.name, host.user) for host in cluster.hosts] == [("a", None), ("b", "me")]

    def test_variables_beside_the_inventory(self, init):
        (init.folder / "group_vars" / "all").mkdir(parents=True)
        (init.folder / "group_vars" / "all" / "main.yml").write_text("ansible_user: ops\n")
        (init.folder / "host_vars").mkdir()
        (init.folder / "host_vars" / "b.yml").write_text("ansible_host: 10.0.0.2\n")
        cluster, _ = init("a\nb\n")
        assert [(host.host, host.user) for host in cluster.hosts] == [("a", "ops"), ("10.0.0.2", "ops")]

    @pytest.mark.parametrize(
        ("text", "hosts", "why"),
        [
            (INI, ["nope"], "it has no group and no host nope"),
            ("[a]\nweb what is this\n", [], "line 2: expected a host and NAME=VALUE"),
            ("# nothing\n", [], "it has no hosts"),
            ("a ansible_user='x\n", [], "line 1: a quote is not closed"),
            ("head: 10.0.0.1\n", [], "this is a hosts file already"),
        ],
    )
    def test_refuses(self, init, text, hosts, why):
        assert why in refused(init, text, *hosts)


class TestSsh:
    def test_another_file_is_copied_out_key_by_key(self, init):
        cluster, said = init(SSH)
        assert [(host.name, host.host) for host in cluster.hosts] == [
            ("node1", "node1.lab"),
            ("node2", "node2.lab"),
        ]
        assert (cluster.head.user, cluster.head.port, cluster.head.jump) == ("ubuntu", 2222, ("me@bastion",))
        assert "left out, as a forge: github.com, gitee" in said
        assert "left out, as a jump host: bastion" in said

    def test_the_own_one_is_read_at_each_login_so_the_aliases_suffice(self, init):
        (init.folder / "home/.ssh/more").write_text("Host included\n  User x\n")
        cluster, _ = init(f"Include more\n{SSH}", "node2", "included", name="home/.ssh/config")
        assert [(host.host, host.user) for host in cluster.hosts] == [("node2", None), ("included", None)]

    def test_refuses_a_name_that_is_not_there(self, init):
        assert "it has no host node9" in refused(init, SSH, "node9")


class TestRayUp:
    def test_of_an_own_cluster(self, init):
        cluster, said = init(RAY_UP)
        assert cluster.name == "on-premise"
        assert [host.host for host in cluster.hosts] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
        assert (cluster.head.user, cluster.head.runtime) == ("ubuntu", "docker")
        assert cluster.head.docker.image == "rayproject/ray-ml:2.9.0-gpu"
        assert cluster.head.docker.run_args == ("--ulimit", "nofile=65536:65536")
        assert cluster.head.docker.shm_size.bytes == 8 << 30
        assert "not taken over: file_mounts, setup_commands" in said
        assert "head_start_ray_commands: --num-cpus=0" in said

    def test_of_a_cloud_names_no_machines(self, init):
        text = "cluster_name: x\nprovider: {type: aws, region: us-west-2}\n"
        assert "made by a provider (aws)" in refused(init, text)


@pytest.mark.parametrize(
    ("words", "jump"),
    [
        ("-o ProxyJump=me@b:2222", "me@b:2222"),
        ("-J me@b,c", "me@b,c"),
        ('-o ProxyCommand="ssh -W %h:%p -q me@b"', "me@b"),
        ("-o ProxyCommand='ssh -i ~/.ssh/k -p 2222 -W %h:%p b'", "b:2222"),
        ("-o StrictHostKeyChecking=no", ""),
        ("", ""),
    ],
)
def test_jump_hosts_as_people_write_them(words, jump):
    assert jump_of(words) == jump


def test_a_new_file_is_tried_and_says_who_answers(tmp_path, monkeypatch, capsys):
    """Real: nobody listens on this port."""
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "hosts.yml"
    check.init.body(Context(), host=["127.0.0.1:9"], hosts_file=str(path))
    said = capsys.readouterr().out
    assert "127.0.0.1:9 refused the connection" in said
    assert "no answer yet: 127.0.0.1; the others answer" in said
    assert load(path).head.port == 9
