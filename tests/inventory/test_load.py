from pathlib import Path

import pytest

from tasks.inventory import InventoryError, SecretSource, load
from tasks.inventory.loader import MAX_BYTES
from tasks.inventory.secret import Secret


def problems_of(path):
    with pytest.raises(InventoryError) as caught:
        load(path)
    return [str(problem) for problem in caught.value.problems]


class TestDefaults:
    def test_a_head_alone_is_a_cluster(self, cluster):
        one = cluster("head: 10.0.0.1\n")
        assert (one.name, one.parallel, one.workers, one.warnings) == ("ray", 50, (), ())
        head = one.head
        assert (head.host, head.name, head.role, head.runtime, head.line) == (
            "10.0.0.1",
            "10.0.0.1",
            "head",
            "uv",
            1,
        )
        assert (head.user, head.port, head.key, head.jump, head.host_keys) == (
            None,
            None,
            None,
            (),
            "accept-new",
        )
        assert (head.ray.port, head.ray.auth, head.ray.ports.client) == (6379, None, 10001)
        assert head.docker.shm_size == "8gb" and head.docker.shm_size.bytes == 8 * 1024**3

    def test_a_host_overrides_the_defaults(self, cluster):
        first, second = cluster(
            "runtime: docker\n"
            "ssh: {user: me, port: 2222, jump: 'a, b:22', host_keys: off, connect_timeout: 5}\n"
            "ray: {env: {A: a, B: b}, ports: {client: 10005}}\n"
            "docker: {network: host, run_args: [--init]}\n"
            "head: h\n"
            "workers:\n"
            "  - host: w\n"
            "    user: you\n"
            "    port: null\n"
            "    jump: null\n"
            "    host_keys: strict\n"
            "    runtime: conda\n"
            "    memory: 16gb\n"
            "    resources: {ssd: 1}\n"
            "    ray: {env: {B: c}, ports: {metrics_export: 20010}}\n"
            "    docker: {network: bridge}\n"
        ).hosts
        assert (first.user, first.port, first.jump, first.host_keys) == ("me", 2222, ("a", "b:22"), "off")
        assert (second.user, second.port, second.jump, second.host_keys) == ("you", None, (), "strict")
        assert (first.connect_timeout, second.connect_timeout) == (5.0, 5.0)
        assert (first.runtime, second.runtime, second.memory) == ("docker", "conda", 16 * 1024**3)
        assert second.ray.env == {"A": "a", "B": "c"} and first.ray.env == {"A": "a", "B": "b"}
        assert (second.ray.ports.client, second.ray.ports.metrics_export) == (10005, 20010)
        assert (second.docker.network, second.docker.run_args) == ("bridge", ("--init",))
        assert second.resources == {"ssd": 1.0} and second.line == 7

    def test_a_section_with_only_comments_counts_as_left_out(self, cluster):
        assert cluster("head: a\nssh:\n  # user: me\nworkers:\n").head.user is None

    def test_hosts_are_immutable_and_hashable(self, cluster):
        one = cluster("head: a\nworkers: [b]\n")
        with pytest.raises(ValueError, match="frozen"):
            one.head.port = 1
        assert {one.head: 1, one.workers[0]: 2}[one.workers[0]] == 2

    def test_local_paths_are_relative_to_the_hosts_file(self, cluster, tmp_path):
        head = cluster("ssh: {key: keys/id}\ndocker: {image_source: 'file:ray.tar'}\nhead: a\n").head
        assert head.key == str(tmp_path / "keys/id")
        assert head.docker.image_source == f"file:{tmp_path / 'ray.tar'}"
        assert cluster("ssh: {key: ~/.ssh/id}\nhead: a\n").head.key == "~/.ssh/id"


class TestHosts:
    @pytest.mark.parametrize(
        ("written", "user", "host", "port"),
        [
            ("alice@10.0.0.3:2222", "alice", "10.0.0.3", 2222),
            ("alice@node", "alice", "node", None),
            ("me@corp.example@node", "me@corp.example", "node", None),
            ("node:22", None, "node", 22),
            ("::1", None, "::1", None),
            ("fe80::1%eth0", None, "fe80::1%eth0", None),
            ('"[::1]"', None, "::1", None),
            ('"me@[fe80::1]:2200"', "me", "fe80::1", 2200),
            ("my_alias", None, "my_alias", None),
            ("机器", None, "机器", None),
        ],
    )
    def test_the_short_form_is_split_into_user_host_and_port(self, cluster, written, user, host, port):
        worker = cluster(f"head: h\nworkers:\n  - {written}\n").workers[0]
        assert (worker.user, worker.host, worker.port, worker.name) == (user, host, port, host)

    def test_a_range_in_a_mapping_expands_the_names_too(self, cluster):
        workers = cluster(
            "head: h\nworkers:\n"
            "  - {host: 'n[08-10].lab', name: 'rack-[1-3]', node_ip: '10.0.0.[8-10]', cpus: 4}\n"
        ).workers
        assert [(one.host, one.name, one.node_ip, one.cpus) for one in workers] == [
            ("n08.lab", "rack-1", "10.0.0.8", 4),
            ("n09.lab", "rack-2", "10.0.0.9", 4),
            ("n10.lab", "rack-3", "10.0.0.10", 4),
        ]

    def test_one_address_with_two_ports_is_two_hosts(self, cluster):
        workers = "[{host: '127.0.0.1', port: 2201, name: a}, {host: '127.0.0.1', port: 2202, name: b}]"
        assert len(cluster(f"head: h\nworkers: {workers}\n").workers) == 2

    def test_merge_keys_and_anchors(self, cluster):
        workers = cluster(
            "head: h\nworkers:\n  - &big\n    host: a\n    cpus: 8\n    gpus: 1\n"
            "  - <<: *big\n    host: b\n    gpus: 2\n"
        ).workers
        assert [(one.host, one.cpus, one.gpus) for one in workers] == [("a", 8, 1), ("b", 8, 2)]


class TestPlainWords:
    @pytest.mark.parametrize("directive", ["", "%YAML 1.1\n---\n"])
    def test_off_and_yes_are_accepted_with_and_without_a_version_directive(self, cluster, directive):
        head = cluster(directive + "ssh: {host_keys: off}\nconda: {accept_terms: yes}\nhead: a\n").head
        assert head.host_keys == "off" and head.conda.accept_terms is True

    def test_dates_and_quoted_numbers_are_text(self, cluster):
        env = cluster("head: a\nray: {env: {DAY: 2020-01-01, N: '1'}}\n").head.ray.env
        assert env == {"DAY": "2020-01-01", "N": "1"}


class TestPasswords:
    def test_each_form_of_password(self, cluster):
        one = cluster(
            "ssh: {password: {env: LAB}, sudo_password: {prompt: true}}\n"
            "head: {host: a, sudo_password: {prompt: true}}\n"
            "workers:\n  - {host: b, password: {command: pass show lab}}\n  - {host: c, password: s3cret}\n"
        )
        assert one.head.password == SecretSource("env", "LAB")
        assert one.workers[0].password == SecretSource("command", "pass show lab")
        assert one.workers[1].password == SecretSource("plain", Secret("s3cret"))
        assert one.head.sudo_password == SecretSource("prompt", "head.sudo_password")
        assert {worker.sudo_password for worker in one.workers} == {
            SecretSource("prompt", "ssh.sudo_password")
        }

    def test_a_password_in_plain_text_gives_a_warning_and_is_never_shown(self, hosts_file):
        one = load(
            hosts_file(
                "head: a\nssh:\n  password: s3cret\nworkers:\n  - host: b\n    sudo_password: s3cret\n"
            )
        )
        assert [warning.removeprefix(str(one.path)).split(": ")[:2] for warning in one.warnings] == [
            [":3", "ssh.password"],
            [":6", "workers[0].sudo_password"],
        ]
        assert "s3cret" not in f"{one}{one!r}{one.warnings}{one.model_dump()}{one.model_dump_json()}"

    @pytest.mark.parametrize("nothing", ["null", "~", ""])
    def test_null_is_not_a_password_in_plain_text(self, cluster, nothing):
        one = cluster(f"head: {{host: a, password: {nothing}}}\nssh: {{password: {{env: LAB}}}}\n")
        assert one.warnings == ()


class TestFiles:
    def test_a_missing_file(self, tmp_path):
        path = tmp_path / "hosts.yml"
        assert problems_of(path) == [
            f"{path}: there is no such file; `fab init` writes one, --hosts-file names another"
        ]

    def test_a_directory_is_reported_as_one(self, tmp_path):
        assert problems_of(tmp_path) == [f"{tmp_path}: this is a directory; --hosts-file needs a file"]

    def test_a_file_that_cannot_be_read(self, hosts_file, monkeypatch):
        def refuse(path):
            raise PermissionError(13, "Permission denied")

        path = hosts_file("head: a\n")
        monkeypatch.setattr(Path, "read_bytes", refuse)
        assert problems_of(path) == [f"{path}: cannot be read: Permission denied"]

    def test_a_path_that_is_not_valid(self):
        assert problems_of("a\0b") == ["a\\x00b: cannot be read: the path is not valid"]

    def test_byte_order_mark_and_crlf_are_accepted(self, cluster):
        assert [one.host for one in cluster("\ufeffhead: a\r\nworkers:\r\n  - b\r\n").hosts] == ["a", "b"]

    def test_a_file_that_is_too_large(self, hosts_file):
        path = hosts_file("#" * (MAX_BYTES + 1))
        assert problems_of(path) == [
            f"{path}: the file has {MAX_BYTES + 1} bytes; a hosts file has at most {MAX_BYTES}"
        ]

    def test_a_megabyte_of_comments_is_accepted(self, cluster):
        assert cluster("head: a\n" + "# nothing here\n" * 69_000).head.host == "a"

    def test_a_long_chain_of_merge_keys_is_refused(self, hosts_file):
        chain = "".join(f"a{i}: &a{i}\n  <<: *a{i - 1}\n  k{i}: 1\n" for i in range(1, 2000))
        path = hosts_file(f"head: h\na0: &a0 {{x: 1}}\n{chain}")
        assert problems_of(path) == [
            f"{path}:1: more than 300000 values, counting what aliases repeat; use fewer aliases"
        ]
