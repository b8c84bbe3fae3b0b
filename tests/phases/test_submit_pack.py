"""What of a folder goes along with a job."""

from __future__ import annotations

import io
import tarfile

import pytest

from tasks.run import job_folder
from tasks.run.failures import Stop
from tasks.run.job_folder import pack


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return sorted(tar.getnames())


def write(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)


def test_the_files_with_their_folders(tmp_path):
    write(tmp_path, "job.py", "pkg/data.txt", "中文 名.txt", ".env")
    assert names(pack(tmp_path)) == [".env", "job.py", "pkg/data.txt", "中文 名.txt"]


def test_without_what_no_job_needs(tmp_path):
    write(tmp_path, "job.py", ".git/config", "pkg/__pycache__/a.pyc", ".venv/bin/python", "node_modules/x.js")
    assert names(pack(tmp_path)) == ["job.py"]


def test_without_what_is_not_a_file(tmp_path):
    write(tmp_path, "job.py")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert names(pack(tmp_path)) == ["job.py"]


def test_too_much_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(job_folder, "MOST_BYTES", 1 << 20)
    with (tmp_path / "model.bin").open("wb") as big:
        big.truncate(1 << 40)
    with pytest.raises(Stop, match="holds more than 1 MiB") as stopped:
        pack(tmp_path)
    assert stopped.value.hint == "run this in a folder that contains only the job"
