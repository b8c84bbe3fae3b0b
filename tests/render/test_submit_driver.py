"""The driver of `fab submit` beside a stand-in for Ray's job client, whose following loses what old Rays lose."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tasks.render.operations import _driver

CLIENT = '''
import enum, json, os, pathlib
folder = pathlib.Path(os.environ["TAPE"])
tape = json.loads((folder / "tape.json").read_text())


class JobStatus(str, enum.Enum):
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"

    def is_terminal(self):
        return self != "RUNNING"


class Info:
    message = tape.get("message", "")


class JobSubmissionClient:
    """A round is what one following yields: its texts, a breach or not, and the status behind it."""

    def __init__(self, address):
        assert address == "http://127.0.0.1:8265"
        self.status = "RUNNING"

    def submit_job(self, *, entrypoint, runtime_env, metadata):
        assert metadata == {"rayfab_user": "me@here"}
        if "refused" in tape:
            raise RuntimeError(tape["refused"])
        (folder / "at.json").write_text(json.dumps([entrypoint, runtime_env]))
        return "raysubmit_1"

    def get_job_status(self, job):
        return JobStatus(self.status)

    def get_job_info(self, job):
        return Info

    def get_job_logs(self, job):
        if tape.pop("logs broken", False):
            raise ConnectionError("gone")
        return tape["logs"]

    async def tail_job_logs(self, job):
        texts, broken, status = tape["rounds"].pop(0)
        for text in texts:
            yield text
        self.status = status
        if broken:
            raise ConnectionError("gone")
'''


class Job:
    def __init__(self, folder):
        self.folder = folder
        self.at = folder / "at.json"
        package = folder / "site" / "ray"
        package.mkdir(parents=True)
        (package / "job_submission.py").write_text(CLIENT)
        (folder / "cwd").mkdir()

    def run(self, tape, *words, version="2.30.0", folder="", wait=True):
        (self.folder / "site/ray/__init__.py").write_text(f"__version__ = {version!r}\n")
        (self.folder / "tape.json").write_text(json.dumps(tape))
        env = {"PYTHONPATH": str(self.folder / "site"), "TAPE": str(self.folder)}
        argv = [
            sys.executable,
            "-",
            "http://127.0.0.1:8265",
            folder,
            "wait" if wait else "",
            "me@here",
            *words,
        ]
        return subprocess.run(
            argv,
            input=_driver("submit"),
            env=env,
            cwd=self.folder / "cwd",
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.fixture
def job(tmp_path):
    return Job(tmp_path)


def test_the_last_lines_that_an_old_ray_loses_are_fetched(job):
    done = job.run({"rounds": [[["a\n"], False, "SUCCEEDED"]], "logs": "a\nb\n"}, "x")
    assert done.stdout == "job raysubmit_1 submitted\na\nb\njob raysubmit_1 succeeded\n"
    assert done.returncode == 0


def test_a_connection_that_breaks_at_the_last_lines_is_not_the_job_s_failure(job):
    # followed anew when it is over, a job's output is whole
    rounds = [[["a\n"], False, "SUCCEEDED"], [["a\n", "b\n"], False, "SUCCEEDED"]]
    done = job.run({"rounds": rounds, "logs broken": True}, "x")
    assert done.stdout == "job raysubmit_1 submitted\na\nb\njob raysubmit_1 succeeded\n"
    assert done.returncode == 0


def test_a_long_log_is_followed_again_and_not_asked_for_at_once(job):
    much = "z" * 999 + "\n"
    rounds = [[[much] * 17_000, False, "SUCCEEDED"], [[much] * 17_000 + ["b\n"], False, "SUCCEEDED"]]
    done = job.run({"rounds": rounds}, "x")
    assert done.stdout.count("z") == 17_000 * 999
    assert done.stdout.endswith("z\nb\njob raysubmit_1 succeeded\n")


@pytest.mark.parametrize("version", ["2.49.2", "2.60.0", "3.0.0"])
def test_a_ray_that_loses_nothing_is_followed_once(job, version):
    done = job.run({"rounds": [[["a\n", "b\n"], False, "SUCCEEDED"]]}, "x", version=version)
    assert done.stdout == "job raysubmit_1 submitted\na\nb\njob raysubmit_1 succeeded\n"


def test_a_following_that_ends_or_breaks_before_the_job_is_taken_up_again(job):
    rounds = [[["a\n"], False, "RUNNING"], [["a\nb"], True, "RUNNING"], [["a\nb", "c\n"], False, "SUCCEEDED"]]
    done = job.run({"rounds": rounds}, "x", version="2.60.0")
    assert done.stdout == "job raysubmit_1 submitted\na\nbc\njob raysubmit_1 succeeded\n"


@pytest.mark.parametrize("status", ["FAILED", "STOPPED"])
def test_a_job_that_did_not_succeed(job, status):
    tape = {"rounds": [[["a\n"], False, status]], "logs": "a\n", "message": "exit code 3"}
    done = job.run(tape, "x")
    assert done.stdout.endswith(f"a\njob raysubmit_1: {status.lower()}: exit code 3\n")
    assert done.returncode == 1


def test_not_waited_for(job):
    done = job.run({"rounds": []}, "x", wait=False)
    assert (done.stdout, done.returncode) == ("job raysubmit_1 submitted\n", 0)


def test_words_reach_the_job_as_they_are(job):
    job.run({"rounds": []}, "python", "-c", "print('$HOME', \"`id`\")", folder="/tmp/ray/job", wait=False)
    line, env = json.loads(job.at.read_text())
    assert env == {"working_dir": "/tmp/ray/job"}
    run = subprocess.run(
        ["sh", "-c", line.replace("python", sys.executable, 1)], capture_output=True, text=True
    )
    assert run.stdout == "$HOME `id`\n"


def test_a_refusal_is_one_line(job):
    done = job.run({"refused": "no such folder"}, "x")
    assert (done.stdout, done.stderr, done.returncode) == ("RuntimeError: no such folder\n", "", 1)


@pytest.mark.parametrize("name", ["ray.py", "asyncio.py", "shlex.py"])
def test_a_file_of_the_home_is_not_imported(job, name):
    (job.folder / "cwd" / name).write_text("raise SystemExit('wrong one')")
    assert job.run({"rounds": []}, "x", wait=False).returncode == 0
