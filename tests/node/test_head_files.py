"""What a head keeps, read and put back, and what it remembers of deployed hosts: the scripts run for real."""

from __future__ import annotations

import base64
import io
import json
import stat
import tarfile

import pytest

from tasks.node import journal
from tasks.node.head_files import ARCHIVE, JOBS, read_script, write_script
from tasks.node.operations import history_script, lock_script, unlock_script
from tasks.runtimes.facts import facts_script
from tests.script import samples
from tests.script.shells import SHELLS, ask

HOLDER = "alice@laptop (process 1) since 2026-01-02 03:04:05 CET: deploy-cluster"
HOSTS = '{"format": 1, "hosts": [{"host": "10.0.0.2", "name": "it\'s"}]}'


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


@pytest.fixture
def node(tmp_path):
    """The cluster's folder on a host."""
    folder = tmp_path / ".rayfab/lab"
    folder.mkdir(parents=True)
    return folder


def store(folder):
    """The files of a GCS, as RocksDB names them."""
    folder.mkdir()
    (folder / "CURRENT").write_text("MANIFEST-000004\n")
    (folder / "000012.sst").write_bytes(bytes(range(256)) * 100)
    (folder / "LOG").write_text("a log\n")
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def unpacked(lines) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode("".join(lines)))) as tar:
        return {
            one.name.removeprefix("./"): tar.extractfile(one).read()
            for one in tar.getmembers()
            if one.isfile()
        }


def test_a_head_without_anything(shell, tmp_path):
    answer = ask(read_script("lab"), shell, tmp_path)
    assert answer.ok and answer.values == {} and answer.texts == {}


def test_the_state_is_read_whole(shell, tmp_path, node):
    (node / "token").write_text("5ecret\n")
    files = store(node / "gcs")
    answer = ask(read_script("lab"), shell, tmp_path)
    assert answer.values == {"token": "5ecret"}
    assert unpacked(answer.texts["kept"]) == files
    assert sorted(one.name for one in node.iterdir()) == ["gcs", "token"], "no temporary file is left"


def test_the_folder_is_the_one_that_the_node_is_told_of(shell, tmp_path, node):
    other = tmp_path / "a folder"
    files = store(other)
    (node / "env.sh").write_text(f"export A=1\nexport RAY_gcs_storage_path='{other}'\n")
    assert unpacked(ask(read_script("lab"), shell, tmp_path).texts["kept"]) == files


def test_put_back_over_what_was_there(shell, tmp_path, node):
    files = store(node / "gcs")
    (node / "gcs.for").write_text("host 2.60.0\n")
    answer = ask(read_script("lab"), shell, tmp_path)
    lines = answer.texts["kept"]
    assert answer.values["kept_for"] == "host 2.60.0"
    (node / "gcs.for").unlink()
    (node / ARCHIVE).write_bytes(base64.b64decode("".join(lines)))
    (node / "gcs/000013.sst").write_text("newer")
    made = write_script("lab", "a\nlock\n", token=True, state_for="host 2.60.0")
    answer = ask(made, shell, tmp_path, secrets={"RF_TOKEN": "7oken"})
    assert answer.ok, answer.error
    assert {file.name: file.read_bytes() for file in (node / "gcs").iterdir()} == files
    assert (node / "token").read_text() == "7oken"
    assert stat.S_IMODE((node / "token").stat().st_mode) == 0o600
    assert sorted(one.name for one in node.iterdir()) == ["gcs", "gcs.for", "restored.lock", "token"]
    assert ask(facts_script(samples.host(), "lab"), shell, tmp_path).texts["restored"] == ["a", "lock"]


def test_jobs_go_along_and_are_bounded(shell, tmp_path, node):
    jobs = node / "jobs"
    jobs.mkdir()
    (tmp_path / "private").write_text('{"id": "linked"}\n')
    (jobs / "linked.json").symlink_to(tmp_path / "private")
    (jobs / "large.json").write_text(json.dumps({"id": "large", "message": "x" * 20000}) + "\n")
    (jobs / "asked").write_text("")
    for name in ("a", "b"):
        (jobs / f"{name}.json").write_text(json.dumps({"id": name, "entrypoint": "x" * 900}) + "\n")
    answer = ask(read_script("lab"), shell, tmp_path)
    told = journal.handed_over(answer.texts["job"], 7.5)
    assert [json.loads(line).get("id") for line in told.splitlines()] == [None, "a", "b"]
    assert json.loads(told.splitlines()[0]) == {"asked": 7.5}
    assert len(json.loads(told.splitlines()[1])["entrypoint"]) == journal.LONG
    (node / JOBS).write_text(told)
    assert ask(write_script("lab", "", token=False), shell, tmp_path).ok
    assert (jobs / "handed.jsonl").read_text() == told and not (node / JOBS).exists()
    assert stat.S_IMODE((jobs / "handed.jsonl").stat().st_mode) == 0o644, "a container has another user"
    # from there it goes on to the next head, each job once
    again = journal.handed_over(ask(read_script("lab"), shell, tmp_path).texts["job"], 8.5)
    assert [json.loads(line).get("id") for line in again.splitlines()] == [None, "a", "b"]


def test_only_the_newest_jobs_are_handed_over():
    lines = [json.dumps({"id": f"j{n}", "start": n}) for n in range(journal.MOST + 5)]
    told = journal.handed_over(reversed(lines), 1.0).splitlines()
    assert len(told) == journal.MOST + 1 and json.loads(told[1])["id"] == "j5"
    assert journal.handed_over(["{", ""], 1.0) == ""


def test_a_history_that_the_head_has_in_part(shell, tmp_path, node):
    def write(*lines):
        script = write_script("lab", "", token=False, history="\n".join(lines))
        assert ask(script, shell, tmp_path).ok
        return (node / "history.jsonl").read_text().splitlines()

    assert write("{1}", "it's {2}") == ["{1}", "it's {2}"]
    with (node / "history.jsonl").open("a") as file:
        file.write("{4}\n")
    assert write("{1}", "it's {2}", "{3}") == ["{3}", "{1}", "it's {2}", "{4}"]
    many = write(*(f"[{n}]" for n in range(600)))
    assert len(many) == 500 and many[-1] == "{4}"


def test_a_state_that_is_damaged_replaces_nothing(shell, tmp_path, node):
    files = store(node / "gcs")
    (node / ARCHIVE).write_bytes(b"no archive")
    answer = ask(write_script("lab", "", token=True), shell, tmp_path, secrets={"RF_TOKEN": "7oken"})
    assert not answer.ok and answer.error.startswith("cannot write ")
    assert {file.name: file.read_bytes() for file in (node / "gcs").iterdir()} == files
    assert not (node / "token").exists()


def test_the_hosts_that_were_deployed(shell, tmp_path, node):
    (node / "state.json").write_text('{"service": "none"}\n')
    ask(lock_script("lab", HOLDER), shell, tmp_path)
    assert ask(unlock_script("lab", HOLDER, HOSTS), shell, tmp_path).ok
    file = node / "deployed.json"
    assert file.read_text() == HOSTS + "\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ask(facts_script(samples.host(), "lab"), shell, tmp_path).values["deployed"] == HOSTS
    assert ask(unlock_script("lab", HOLDER, ""), shell, tmp_path).ok
    assert not file.exists()


def test_the_history_of_changes(shell, tmp_path, node):
    (node / "state.json").write_text('{"service": "none"}\n')
    file = node / "history.jsonl"
    file.write_text("".join(f'{{"id": "{n}"}}\n' for n in range(600)))
    assert ask(unlock_script("lab", HOLDER, history='{"id": "x"}\n{"id": "it\'s"}'), shell, tmp_path).ok
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = ask(history_script("lab"), shell, tmp_path).texts["history"]
    assert (len(lines), lines[0], lines[-2:]) == (502, '{"id": "100"}', ['{"id": "x"}', '{"id": "it\'s"}'])


def test_no_history_is_left_where_there_is_no_node(shell, tmp_path, node):
    assert ask(unlock_script("lab", HOLDER, history="{}"), shell, tmp_path).ok
    assert not (tmp_path / ".rayfab").exists()
    assert ask(history_script("lab"), shell, tmp_path).texts == {}
