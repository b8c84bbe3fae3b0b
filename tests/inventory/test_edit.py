import os
import stat

import pytest

from tasks.inventory import InventoryError, load
from tasks.inventory.edit import EditError, add_worker, remove_worker, set_values

BLOCK = """\
# the lab
head: 'boss'          # who leads

workers:
    # the fast ones
    - 10.0.0.2        # near the window
    - host: "10.0.0.3"
      cpus: 8

      # as the machine room says
      labels: {zone: a}   # north

    # the slow ones
    - node[01-03].lab # three

ray:
  port: 6379
# the end
"""
FILES = {
    "block": BLOCK,
    "crlf": BLOCK.replace("\n", "\r\n"),
    "bom": "\ufeff" + BLOCK,
    "no indentation": "head: h\nworkers:\n- a\n- host: b\n  port: 22\n",
    "no line break at the end": "head: h\nworkers:\n  - a",
    "crlf without a line break at the end": "head: h\r\nworkers:\r\n  - a",
    "comments at the end": "head: h\nworkers:\n  - a\n\n# bye\n",
    "empty list": "head: h\nworkers: []  # none yet\n\nray: {port: 6380}\n",
    "empty list at the end": "head: h\nworkers: []",
    "flow list": "head: h\nworkers: [a, 'b', {host: c, port: 22}]  # three\n",
    "flow list of many lines": "head: h\nworkers: [\n  a,  # first\n  b,\n]\nray: {}\n",
    "json": '{"head": "h", "workers": ["a", {"host": "b"}]}\n',
    "quoted key": 'head: h\n"workers":\n  - a\n',
    "block scalar": "head: h\nworkers:\n  - host: a\n    ray:\n      env:\n        X: >-\n          - 1\n",
}


@pytest.fixture(params=FILES.values(), ids=FILES)
def path(request, hosts_file):
    return hosts_file(request.param)


def names(path):
    return [host.name for host in load(path).workers]


class TestAddAndRemove:
    @pytest.mark.parametrize(
        ("host", "fields"),
        [
            ("10.0.0.99", {}),
            ("alice@[fe80::9]:2222", {}),
            (
                "new.lab",
                {"user": "x y", "cpus": 8, "labels": {"zone": "a"}, "docker": {"run_args": ["--init"]}},
            ),
            ("new.lab", {"name": "null", "node_ip": "10.0.0.99", "ray": {"env": {"A": 'it\'s "1" # not'}}}),
        ],
    )
    def test_adding_and_removing_restores_the_same_bytes(self, path, host, fields):
        before, hosts = path.read_bytes(), names(path)
        add_worker(path, host, **fields)
        added = load(path).workers[-1]
        assert names(path) == [*hosts, added.name] and path.read_bytes() != before
        for key, value in fields.items():
            written = getattr(added, key)
            assert written == value or value.items() <= written.model_dump(mode="json").items() or written.env
        remove_worker(path, added.name)
        assert path.read_bytes() == before

    def test_removing_a_worker_removes_no_other(self, path):
        before, hosts = path.read_bytes(), names(path)
        for name in hosts:
            path.write_bytes(before)
            remove_worker(path, name)
            assert names(path) == [other for other in hosts if other != name]

    def test_all_workers_can_be_removed_one_by_one(self, path):
        for name in names(path):
            remove_worker(path, name)
        assert names(path) == [] and b"workers" in path.read_bytes()


class TestAdd:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("head: h\n", "head: h\nworkers:\n  - new\n"),
            ("head: h", "head: h\nworkers:\n  - new\n"),
            ("head: h\r\n", "head: h\r\nworkers:\r\n  - new\r\n"),
            ("head: h\nworkers:\n", "head: h\nworkers:\n  - new\n"),
            ("head: h\nworkers: null # none\nray: {}\n", "head: h\nworkers: # none\n  - new\nray: {}\n"),
            ("head: h\nworkers: []  # none\n", "head: h\nworkers:  # none\n  - new\n"),
            ("head: h\nworkers: [a,]\n", "head: h\nworkers: [a, new,]\n"),
            ("head: h\nworkers:\n- a\n\n# c\n", "head: h\nworkers:\n- a\n- new\n\n# c\n"),
        ],
    )
    def test_the_new_worker_is_written_at_the_end_of_the_list(self, hosts_file, before, after):
        path = hosts_file(before)
        add_worker(path, "new")
        assert path.read_bytes().decode() == after

    def test_other_keys_make_it_a_mapping(self, hosts_file):
        path = hosts_file(BLOCK)
        add_worker(path, "10.0.0.9", user="alice", gpus=1, labels={"zone": "b"})
        added = "    - host: 10.0.0.9\n      user: alice\n      gpus: 1\n      labels: {zone: b}\n"
        assert path.read_text() == BLOCK.replace("# three\n", f"# three\n{added}")

    @pytest.mark.parametrize("host", ["boss", "10.0.0.3", "me@NODE02.lab", "10.0.0.2:22"])
    def test_a_host_of_the_file_is_refused(self, hosts_file, host):
        path = hosts_file(BLOCK)
        with pytest.raises(EditError) as caught:
            add_worker(path, host)
        assert str(caught.value) == f"{host} is in {path} already"
        assert path.read_text() == BLOCK

    @pytest.mark.parametrize(
        ("host", "fields", "message"),
        [
            ("new", {"prt": 22}, "workers[3].prt: unknown key; did you mean port?"),
            ("new", {"port": 70000}, "workers[3].port: expected 1-65535, got 70000"),
            (
                "new",
                {"name": "boss"},
                "workers[3]: boss is also the name of head (line 2); set name: to tell them apart",
            ),
        ],
    )
    def test_a_wrong_key_changes_nothing(self, hosts_file, host, fields, message):
        path = hosts_file(BLOCK)
        with pytest.raises(InventoryError) as caught:
            add_worker(path, host, **fields)
        assert str(caught.value.problems[0]).split(": ", 1)[1] == message
        assert path.read_text() == BLOCK

    @pytest.mark.parametrize("host", ["-oProxyCommand=x", "a\nb", "a: b", ""])
    def test_an_invalid_address_is_refused(self, hosts_file, host):
        path = hosts_file(BLOCK)
        with pytest.raises(EditError):
            add_worker(path, host)
        assert path.read_text() == BLOCK


class TestRemove:
    @pytest.mark.parametrize(
        ("written", "gone", "left"),
        [
            ("- 10.0.0.[10-19]  # ten", "10.0.0.15", "- 10.0.0.[10-14,16-19]  # ten"),
            ("- 10.0.0.[10-19]", "10.0.0.10", "- 10.0.0.[11-19]"),
            ("- n[1-2]", "n2", "- n1"),
            ("- 'n[08-10].lab'", "n09.lab", "- 'n[08,10].lab'"),
            ("- me@n[1-3]:2222", "n2", "- me@n[1,3]:2222"),
            ("- r[1-2]n[1-3] # six", "r1n2", "- r1n[1,3] # six\n  - r2n[1-3] # six"),
            (
                "- host: n[1-3]\n    name: rack-[7-9] # top\n    node_ip: 10.0.0.[1-3]\n    cpus: 4",
                "rack-8",
                "- host: n[1,3]\n    name: rack-[7,9] # top\n    node_ip: 10.0.0.[1,3]\n    cpus: 4",
            ),
            ("- {host: 'n[1-3]', cpus: 4}", "n1", "- {host: 'n[2-3]', cpus: 4}"),
            (
                '- {cpus: 4, host: "a[1-2]b[1-2]"}',
                "a2b1",
                '- {cpus: 4, host: "a1b[1-2]"}\n  - {cpus: 4, host: "a2b2"}',
            ),
        ],
    )
    def test_a_range_loses_one_member(self, hosts_file, written, gone, left):
        text = "head: h\nworkers:\n  # first\n  - a\n  {}\n  # last\n  - z\n"
        path = hosts_file(text.format(written))
        remove_worker(path, gone)
        assert path.read_text() == text.format(left)

    def test_a_range_in_a_flow_list(self, hosts_file):
        path = hosts_file("head: h\nworkers: ['r[1-2]n[1-2]', z]\n")
        remove_worker(path, "r1n1")
        assert path.read_text() == "head: h\nworkers: ['r1n2', 'r2n[1-2]', z]\n"

    @pytest.mark.parametrize(
        ("host", "message"),
        [
            ("10.0.0.4", "10.0.0.4: no such host in {path}; did you mean 10.0.0.3?"),
            ("boss", "boss is the head of the cluster; make another host the head in {path} first"),
            ("node[01-02].lab", "node[01-02].lab: no such host in {path}; did you mean node02.lab?"),
        ],
    )
    def test_a_host_that_is_not_a_worker_is_refused(self, hosts_file, host, message):
        path = hosts_file(BLOCK)
        with pytest.raises(EditError) as caught:
            remove_worker(path, host)
        assert str(caught.value) == message.format(path=path)
        assert path.read_text() == BLOCK

    def test_an_address_of_two_workers_is_refused(self, hosts_file):
        path = hosts_file("head: h\nworkers: [{host: v, port: 1, name: a}, {host: v, port: 2, name: b}]\n")
        with pytest.raises(EditError, match="means 2 hosts"):
            remove_worker(path, "v")
        remove_worker(path, "v:2")
        assert names(path) == ["a"]

    def test_a_password_prompt_of_a_later_worker_is_kept(self, hosts_file):
        path = hosts_file("head: h\nworkers:\n  - a\n  - host: b\n    password: {prompt: true}\n")
        remove_worker(path, "a")
        assert path.read_text() == "head: h\nworkers:\n  - host: b\n    password: {prompt: true}\n"

    @pytest.mark.parametrize(
        ("text", "gone"),
        [
            ("head: h\nworkers:\n  - &a\n    host: a\n    cpus: 1\n  - <<: *a\n    host: b\n", "a"),
            ("head: h\nworkers:\n  - host: n[1-4]\n    name: r[1-2]u[1-2]\n", "n2"),
            ("head: h\n? workers\n: - a\n  - b\n", "a"),
            ("head: h\n? workers\n:\n  - b\n", "b"),
            ("head: h\rworkers:\r  - a\r  - b\r", "a"),
            ("head: h\nworkers: &w\n  - a\nuv: {}\n", "a"),
        ],
    )
    def test_a_layout_that_cannot_be_edited_is_refused(self, hosts_file, text, gone):
        path = hosts_file(text)
        with pytest.raises(EditError) as caught:
            remove_worker(path, gone)
        way_out = f"remove {gone} from workers: by hand"
        assert str(caught.value) == f"{path} is written in a way that cannot be edited safely; {way_out}"
        assert path.read_bytes() == text.encode()


class TestWriting:
    def test_mode_and_symbolic_link_are_kept_and_no_temporary_file_is_left(self, hosts_file, tmp_path):
        path = hosts_file(BLOCK)
        path.chmod(0o640)
        link = tmp_path / "link.yml"
        link.symlink_to(path)
        add_worker(link, "new")
        assert link.is_symlink() and stat.S_IMODE(path.stat().st_mode) == 0o640
        assert sorted(one.name for one in tmp_path.iterdir()) == ["hosts.yml", "link.yml"]

    def test_a_failed_write_leaves_the_old_file(self, hosts_file, tmp_path, monkeypatch):
        def full(source, target):
            raise OSError(28, "No space left on device")

        path = hosts_file(BLOCK)
        monkeypatch.setattr(os, "replace", full)
        with pytest.raises(EditError, match=r"cannot be written: No space left on device"):
            add_worker(path, "new")
        assert path.read_text() == BLOCK and list(tmp_path.iterdir()) == [path]


SECTIONS = {
    "block": (
        "ray:\n  # the one\n  version: '2.59.0'  # tried\n",
        "ray:\n  # the one\n  version: '2.60.0'  # tried\n",
    ),
    "plain": ("ray:\n  version: 2.59.0\n", "ray:\n  version: 2.60.0\n"),
    "without the key": (
        "ray:\n    # a port\n    port: 6380\n",
        "ray:\n    # a port\n    version: 2.60.0\n    port: 6380\n",
    ),
    "flow": ("ray: {port: 6380}  # one\n", "ray: {version: 2.60.0, port: 6380}  # one\n"),
    "empty flow": ("ray: {}\n", "ray: {version: 2.60.0}\n"),
    "flow with the key": ('ray: {version: "2.59.0", port: 6380}\n', 'ray: {version: "2.60.0", port: 6380}\n'),
    "only comments": ("ray:\n  # port: 6380\n", "ray:\n  version: 2.60.0\n  # port: 6380\n"),
    "null": ("ray:\n  version:   # newest\n", "ray:\n  version: 2.60.0   # newest\n"),
    "missing": ("", "ray:\n  version: 2.60.0\n"),
}


class TestSetValues:
    @pytest.mark.parametrize("name", SECTIONS)
    @pytest.mark.parametrize("crlf", [False, True])
    def test_every_other_byte_stays(self, tmp_path, name, crlf):
        old, new = SECTIONS[name]
        first = "head: h # boss\nworkers:\n  - a\n"
        path = tmp_path / "hosts.yml"
        ends = "\r\n" if crlf else "\n"
        path.write_bytes((first + old).replace("\n", ends).encode())
        set_values(path, {"ray.version": "2.60.0"})
        assert path.read_bytes().decode() == (first + new).replace("\n", ends)
        assert load(path).head.ray.version == "2.60.0"

    def test_back_to_null_and_two_at_once(self, tmp_path):
        path = tmp_path / "hosts.yml"
        path.write_text("runtime: docker\nray: {version: 2.59.0}\nhead: h\n")
        set_values(path, {"ray.version": None, "docker.image": "rayproject/ray:2.60.0"})
        assert path.read_text() == (
            "runtime: docker\nray: {version: null}\nhead: h\ndocker:\n  image: rayproject/ray:2.60.0\n"
        )

    def test_what_cannot_be_edited_is_said(self, tmp_path):
        path = tmp_path / "hosts.yml"
        text = "{head: h, ray: {version: 2.59.0}}\n"
        path.write_text(text)
        with pytest.raises(EditError, match=r"set ray\.version: 2\.60\.0 by hand"):
            set_values(path, {"ray.version": "2.60.0"})
        assert path.read_text() == text

    def test_a_wrong_value(self, tmp_path):
        path = tmp_path / "hosts.yml"
        path.write_text("head: h\nray:\n  version: 2.59.0\n")
        with pytest.raises(InventoryError, match="version"):
            set_values(path, {"ray.version": "newest"})

    def test_a_key_that_each_host_has_itself(self, tmp_path):
        path = tmp_path / "hosts.yml"
        path.write_text("runtime: docker\nhead: {host: h, docker: {image: a}}\n")
        with pytest.raises(EditError, match=r"docker\.image is set on each host"):
            set_values(path, {"docker.image": "b"})
