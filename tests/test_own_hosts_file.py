"""An own hosts file is never in the way of an update, and `init` writes none that `check` refuses."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from invoke import Context, Exit

from tasks import check
from tasks.actions import cli, first_file
from tasks.inventory import load
from tasks.inventory.edit import add_worker
from tasks.report.console import Console

TOP = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder in the place of the project's, with its shipped hosts file."""
    (tmp_path / "hosts.yml").write_bytes((TOP / "hosts.yml").read_bytes())
    monkeypatch.setattr(cli, "TOP", tmp_path)
    monkeypatch.setattr(first_file, "TOP", tmp_path)
    monkeypatch.setattr(first_file, "try_hosts", lambda path, console: None)
    monkeypatch.setattr(cli, "SHIPPED", tmp_path / "hosts.yml")
    monkeypatch.setattr(cli, "OWN", tmp_path / "my_hosts.yml")
    return tmp_path


def init(*hosts: str, **more) -> None:
    check.init.body(Context(), host=list(hosts), **more)


def refused(capsys, *hosts: str, **more) -> str:
    with pytest.raises(Exit) as end:
        init(*hosts, **more)
    assert end.value.code == 2
    assert capsys.readouterr().out == ""
    return end.value.message


class TestOwnFile:
    def test_is_read_before_the_shipped_one(self, checkout):
        assert cli.hosts_file(None) == checkout / "hosts.yml"
        init("10.0.0.1")
        assert cli.hosts_file(None) == checkout / "my_hosts.yml"
        assert cli.hosts_file("other.yml") == Path("other.yml")

    def test_init_leaves_the_shipped_one_alone(self, checkout):
        init("10.0.0.1", "10.0.0.[2-4]")
        assert (checkout / "hosts.yml").read_bytes() == (TOP / "hosts.yml").read_bytes()
        made = load(checkout / "my_hosts.yml")
        assert [host.host for host in made.hosts] == ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]

    def test_a_change_to_the_shipped_one_goes_into_a_copy(self, checkout, capsys):
        path = cli.file_to_change(cli.hosts_file(None), Console())
        add_worker(path, "10.0.0.9")
        assert (checkout / "hosts.yml").read_bytes() == (TOP / "hosts.yml").read_bytes()
        assert [host.host for host in load(cli.hosts_file(None)).hosts] == ["localhost", "10.0.0.9"]
        assert "my_hosts.yml is now your hosts file" in capsys.readouterr().out

    def test_any_other_file_is_changed_where_it_is(self, checkout):
        other = checkout / "lab.yml"
        assert cli.file_to_change(other, Console()) == other

    def test_check_says_how_an_edited_shipped_one_becomes_an_own_one(self, checkout, capsys):
        shipped = (checkout / "hosts.yml").read_text()
        (checkout / "hosts.yml").write_text("head: {host: 127.0.0.1, port: 1, user: nobody}\n")
        with pytest.raises(Exit):
            check.check.body(Context())
        # unpacked from a bundle it is the user's
        assert "belongs to this project" not in capsys.readouterr().out
        (checkout / ".git").mkdir()
        with pytest.raises(Exit):
            check.check.body(Context())
        command = (
            f"cp -p {checkout}/hosts.yml {checkout}/my_hosts.yml && git -C {checkout} checkout hosts.yml"
        )
        assert f"  → {command}\n" in capsys.readouterr().out
        git = ["git", "-C", str(checkout), "-c", "user.name=a", "-c", "user.email=a@b"]
        edited = (checkout / "hosts.yml").read_bytes()
        (checkout / "hosts.yml").write_text(shipped)
        for words in (["init", "-q"], ["add", "hosts.yml"], ["commit", "-q", "-m", "as shipped"]):
            subprocess.run([*git, *words], check=True)
        (checkout / "hosts.yml").write_bytes(edited)
        subprocess.run(["sh", "-c", command], check=True, capture_output=True)
        assert (checkout / "hosts.yml").read_text() == shipped
        assert cli.hosts_file(None).read_bytes() == edited

    @pytest.mark.parametrize("name", ["my_hosts.yml", "my_tasks.py", "my_tasks/more.py", "lab.yml"])
    def test_git_does_not_see_it(self, name):
        asked = subprocess.run(["git", "check-ignore", "-q", name], cwd=TOP)
        assert asked.returncode == 0, f"{name} would make the checkout dirty"


class TestInit:
    @pytest.mark.parametrize(
        ("hosts", "said"),
        [
            (["bad host"], "✗ --host bad host: a host name cannot contain ' '"),
            (["a;b"], "✗ --host a;b: a host name cannot contain ';'"),
            (["10.0.0.[5-1]"], "✗ --host 10.0.0.[5-1]: the range [5-1] runs backwards"),
            (["a", "a"], "✗ --host: a is the head"),
            (["-x"], "✗ --host -x: a host name cannot start with '-'"),
        ],
    )
    def test_refuses_what_check_would_refuse(self, checkout, capsys, hosts, said):
        assert refused(capsys, *hosts).startswith(said)
        assert not (checkout / "my_hosts.yml").exists()

    def test_a_range_of_heads_is_written_out(self, checkout):
        init("node[1-3]")
        assert [h.host for h in load(checkout / "my_hosts.yml").hosts] == ["node1", "node2", "node3"]

    def test_never_overwrites_unasked(self, checkout, capsys):
        init("a")
        capsys.readouterr()
        assert (
            refused(capsys, "b")
            == f"✗ {checkout}/my_hosts.yml already exists\n  → fab init --force overwrites it"
        )
        init("b", force=True)
        assert load(checkout / "my_hosts.yml").head.host == "b"

    def test_a_folder_that_is_not_there(self, checkout, capsys):
        path = str(checkout / "no dir" / "x.yml")
        assert refused(capsys, "a", hosts_file=path) == (
            f"✗ there is no folder {checkout}/no dir\n  → mkdir -p '{checkout}/no dir'"
        )

    def test_a_folder_where_a_file_should_be(self, checkout, capsys):
        assert f"✗ {checkout} is a folder" in refused(capsys, "a", hosts_file=str(checkout))

    def test_a_read_only_folder(self, checkout, capsys, monkeypatch):
        def read_only(*_, **__):
            raise OSError(30, os.strerror(30))

        monkeypatch.setattr("tempfile.mkstemp", read_only)
        said = refused(capsys, "a")
        assert said == (
            f"✗ {checkout}/my_hosts.yml cannot be written: Read-only file system\n"
            "  → fab init --hosts-file FILE names another place"
        )

    def test_leaves_nothing_behind_where_the_disk_is_full(self, checkout, capsys, monkeypatch):
        def full(*_):
            raise OSError(28, os.strerror(28))

        monkeypatch.setattr("os.fsync", full)
        assert "No space left on device" in refused(capsys, "a")
        assert sorted(p.name for p in checkout.iterdir()) == ["hosts.yml"]

    @pytest.mark.parametrize("where", [".", "elsewhere", "my folder"])
    def test_editors_find_the_schema(self, checkout, tmp_path_factory, where):
        folder = checkout if where == "." else tmp_path_factory.mktemp("x") / where
        folder.mkdir(exist_ok=True)
        init("a", hosts_file=str(folder / "my.yml"))
        line = (folder / "my.yml").read_text().splitlines()[0]
        schema = line.removeprefix("# yaml-language-server: $schema=")
        # beside the project's file a name does; from anywhere else it takes a URI, in which blanks are escaped
        assert schema == ("hosts.schema.json" if where == "." else (checkout / "hosts.schema.json").as_uri())
        assert " " not in schema
