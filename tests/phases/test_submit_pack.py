"""What of a folder goes along with a job."""

from __future__ import annotations

import io
import tarfile

import pytest

from tasks.run import job_folder
from tasks.run.failures import Stop
from tasks.run.job_folder import named_here, only_here, pack


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return sorted(tar.getnames())


def write(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)


def test_the_files_with_their_folders(tmp_path):
    write(tmp_path, "job.py", "pkg/data.txt", "中文 名.txt", ".env")
    assert names(pack(tmp_path)[0]) == [".env", "job.py", "pkg/data.txt", "中文 名.txt"]


def test_without_what_no_job_needs(tmp_path):
    write(tmp_path, "job.py", ".git/config", "pkg/__pycache__/a.pyc", ".venv/bin/python", "node_modules/x.js")
    assert names(pack(tmp_path)[0]) == ["job.py"]


def test_without_what_is_not_a_file(tmp_path):
    write(tmp_path, "job.py")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert names(pack(tmp_path)[0]) == ["job.py"]


def test_too_much_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(job_folder, "MOST_BYTES", 1 << 20)
    with (tmp_path / "model.bin").open("wb") as big:
        big.truncate(1 << 40)
    with pytest.raises(Stop, match="holds more than 1 MiB") as stopped:
        pack(tmp_path)
    assert stopped.value.hint == "--working-dir FOLDER names one that contains only the job"


def test_how_many_files_there_are(tmp_path):
    write(tmp_path, "job.py", "pkg/data.txt", ".git/config")
    assert pack(tmp_path)[1] == 2


@pytest.mark.parametrize(
    ("command", "goes"),
    [
        (["python", "job.py"], True),
        (["python", "./job.py", "--epochs", "3"], True),
        (["python", "-m", "pkg.train"], True),
        (["python3.11", "-u", "-m", "pkg"], True),
        (["env", "A=1", "python", "-m", "pkg.train"], True),
        (["bash", "-c", "cd pkg && python train.py"], True),
        (["sh", "-ec", "exec python job.py >out"], True),
        (["bash", "-c", "python job.py | tee 'it"], True),
        (["torchrun", "--config=conf.yml"], True),
        (["ls", "pkg/data"], True),
        (["python", "-m", "pip", "list"], False),
        (["python", "-c", "print('job.py')"], False),
        (["sh", "-c", "echo done $((6 * 7))"], False),
        (["ls", "."], False),
        (["ls", "../x"], False),
        (["python", "/elsewhere/job.py"], False),
        (["python", "-c", "x" * 5000], False),
        (["echo", "a\0b"], False),
        (["grep", "-m", "pkg"], True),
    ],
)
def test_the_folder_goes_along_where_the_command_names_something_in_it(tmp_path, command, goes):
    write(tmp_path, "job.py", "pkg/train.py", "pkg/data", "conf.yml")
    assert named_here(command, tmp_path) is goes


def test_a_path_of_this_machine_is_noticed(tmp_path):
    write(tmp_path, "job.py")
    there = str(tmp_path / "job.py")
    assert not there.startswith("/tmp") or only_here(["python", there]) == []
    assert only_here(["/usr/bin/env", "/bin/sh", "/", "/nowhere/job.py"]) == []


def test_only_paths_that_other_machines_lack_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(job_folder, "COMMON", ())
    write(tmp_path, "job.py")
    there = str(tmp_path / "job.py")
    assert only_here(["python", there, there]) == [there]
    assert only_here(["bash", "-c", f"python {there}"]) == [there]
