"""The driver of `fab submit` beside a stand-in for Ray's job client, whose following loses what old Rays lose."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tasks.node.operations import _driver
from tasks.run.job_folder import pack
from tests.script.processes import until

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
    job_id = tape.get("driver")


class JobSubmissionClient:
    """A round is what one following yields: its texts, a breach or not, and the status behind it."""

    def __init__(self, address):
        assert address == "http://127.0.0.1:8265"
        self.status = "RUNNING"

    def submit_job(self, *, entrypoint, runtime_env, metadata, submission_id):
        assert metadata == {"rayfab_user": "me@here"}
        if "refused" in tape:
            raise RuntimeError(tape["refused"])
        there = runtime_env and pathlib.Path(runtime_env["working_dir"])
        files = {
            str(p.relative_to(there.parent)): [oct(p.stat().st_mode & 0o777), p.is_file() and p.read_text()]
            for p in (sorted([there.parent, *there.parent.rglob("*")]) if there else ())
        }
        (folder / "at.json").write_text(json.dumps([entrypoint, runtime_env, files]))
        if "stays" in tape:
            import time
            time.sleep(600)
        return submission_id

    def get_job_status(self, job):
        if "silent" in tape:
            import time
            time.sleep(600)
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
        if "lasts" in tape:
            import asyncio
            await asyncio.sleep(tape["lasts"])
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

        self.place = folder / "place"
        self.place.mkdir()

    def begin(self, tape, *words, version="2.30.0", archive=None, wait=True):
        (self.folder / "site/ray/__init__.py").write_text(f"__version__ = {version!r}\n")
        (self.folder / "tape.json").write_text(json.dumps(tape))
        env = {"PYTHONPATH": str(self.folder / "site"), "TAPE": str(self.folder)}
        env["RAY_TMPDIR"] = str(self.folder)
        how = [str(self.place), "folder" if archive else "", "wait" if wait else "", "me@here", "raysubmit_1"]
        read = self.folder / "archive"
        read.write_bytes(archive or b"")
        with read.open("rb") as stdin:
            return subprocess.Popen(
                [sys.executable, "-c", _driver("submit"), "http://127.0.0.1:8265", *how, *words],
                env=env,
                cwd=self.folder / "cwd",
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

    def run(self, *given, **more):
        process = self.begin(*given, **more)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess((), process.returncode, out, err)


@pytest.fixture
def job(tmp_path):
    return Job(tmp_path)


def test_the_last_lines_that_an_old_ray_loses_are_fetched(job):
    done = job.run({"rounds": [[["a\n"], False, "SUCCEEDED"]], "logs": "a\nb\n"}, "x")
    assert done.stdout == "job raysubmit_1 submitted\na\nb\njob raysubmit_1 succeeded\n"
    assert done.returncode == 0


def test_a_connection_that_breaks_at_the_last_lines_is_not_the_job_s_failure(job):
    # followed again when it is over, a job's output is whole
    rounds = [[["a\n"], False, "SUCCEEDED"], [["a\n", "b\n"], False, "SUCCEEDED"]]
    done = job.run({"rounds": rounds, "logs broken": True}, "x")
    assert done.stdout == "job raysubmit_1 submitted\na\nb\njob raysubmit_1 succeeded\n"
    assert done.returncode == 0


SET_UP = """\
2026-11-26 21:47:40 INFO pip.py:247 -- Installing python requirements to /tmp/ray/x
2026-11-26 21:47:44 INFO utils.py:98 -- Output of cmd[7]: Looking in indexes: http://index.lab/simple
ERROR: No matching distribution found for lab-probe==9.9

2026-11-26 21:47:45 INFO pip.py:247 -- Installing python requirements to /tmp/ray/x
ERROR: No matching distribution found for lab-probe==9.9
"""


def test_the_set_up_of_its_packages_is_shown_once(job):
    logs = job.folder / "ray/session_latest/logs"
    logs.mkdir(parents=True)
    (logs / "runtime_env_setup-02000000.log").write_text(SET_UP)
    (logs / "runtime_env_setup-01000000.log").write_text("ERROR: of another job\n")
    tape = {"rounds": [[["a\n"], False, "SUCCEEDED"]], "driver": "02000000", "lasts": 3}
    out = job.run(tape, "x", version="2.60.0").stdout.splitlines()
    assert out == [
        "job raysubmit_1 submitted",
        "a",
        "installing the packages of runtime_env on the head",
        "ERROR: No matching distribution found for lab-probe==9.9",
        "job raysubmit_1 succeeded",
    ]


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


def test_without_waiting_only_the_submission_is_printed(job):
    done = job.run({"rounds": []}, "x", wait=False)
    assert (done.stdout, done.returncode) == ("job raysubmit_1 submitted\n", 0)


def test_arguments_reach_the_job_unchanged(job):
    job.run({"rounds": []}, "python", "-c", "print('$HOME', \"`id`\")", wait=False)
    line, env, _ = json.loads(job.at.read_text())
    assert env is None
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


class TestFolder:
    @pytest.fixture
    def archive(self, job, tmp_path):
        source = tmp_path / "source"
        (source / "sub").mkdir(parents=True)
        (source / "job.py").write_text("print(1)")
        (source / "sub/run.sh").write_text("#!/bin/sh")
        (source / "sub/run.sh").chmod(0o755)
        (source / "link").symlink_to(job.folder / "site/ray/job_submission.py")
        return pack(source)[0]

    def test_is_for_this_user_alone_and_gone_when_ray_has_it(self, job, archive):
        left = job.place / "rayfab-job-left"
        left.mkdir()
        (job.place / "token").write_text("")
        for path in job.place.iterdir():
            os.utime(path, (time.time() - 90_000,) * 2)
        (job.place / "rayfab-job-now").mkdir()
        done = job.run(
            {"rounds": [[[], False, "SUCCEEDED"]], "logs": ""}, "python", "job.py", archive=archive
        )
        assert done.returncode == 0, done
        _, env, files = json.loads(job.at.read_text())
        assert env["working_dir"].startswith(f"{job.place}/rayfab-job-")
        assert files.pop("job/link")[1] is not False
        assert files == {
            ".": ["0o700", False],
            "job": ["0o700", False],
            "job/job.py": ["0o600", "print(1)"],
            "job/sub": ["0o700", False],
            "job/sub/run.sh": ["0o700", "#!/bin/sh"],
        }
        assert {path.name for path in job.place.iterdir()} == {"token", "rayfab-job-now"}

    def test_is_gone_when_it_is_refused(self, job, archive):
        assert job.run({"refused": "too large"}, "x", archive=archive).returncode == 1
        assert not list(job.place.iterdir())

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    def test_is_gone_when_the_driver_is_ended(self, job, archive, number):
        process = job.begin({"stays": True}, "x", archive=archive)
        until(job.at.exists)
        assert list(job.place.iterdir())
        process.send_signal(number)
        process.communicate(timeout=30)
        assert process.returncode == 1
        assert not list(job.place.iterdir())


@pytest.mark.parametrize(
    "tape", [{"rounds": [[["a\n"], False, "RUNNING"]] * 9, "logs": ""}, {"silent": True}]
)
def test_nobody_listens_any_more(job, tape):
    """The connection broke: the driver ends, whether or not the job writes anything."""
    process = job.begin(tape, "x")
    assert process.stdout.readline() == "job raysubmit_1 submitted\n"
    process.stdout.close()
    assert process.wait(timeout=30) == 1
    assert process.stderr.read() == ""
    process.stderr.close()
