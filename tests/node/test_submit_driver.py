"""The driver of `fab submit` beside a stand-in for Ray's job client, whose following loses what old Rays lose."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tasks.node.journal import parse
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
    status = JobStatus(tape.get("stops", "RUNNING"))
    message = tape.get("message", "")
    job_id = tape.get("driver")


class JobSubmissionClient:
    """A round is what one following yields: its texts, a breach or not, and the status behind it."""

    def __init__(self, address):
        assert address == "http://127.0.0.1:8265"
        self.status = "RUNNING"

    def submit_job(self, *, entrypoint, runtime_env, metadata, submission_id, entrypoint_num_gpus=None):
        assert metadata == {"rayfab_user": "me@here"}
        if "refused" in tape:
            raise RuntimeError(tape["refused"])
        there = runtime_env and "working_dir" in runtime_env and pathlib.Path(runtime_env["working_dir"])
        files = {
            str(p.relative_to(there.parent)): [oct(p.stat().st_mode & 0o777), p.is_file() and p.read_text()]
            for p in (sorted([there.parent, *there.parent.rglob("*")]) if there else ())
        }
        (folder / "at.json").write_text(json.dumps([entrypoint, runtime_env, files, entrypoint_num_gpus]))
        if "stays" in tape:
            import time
            time.sleep(600)
        return submission_id

    def get_job_status(self, job):
        if "silent" in tape:
            import time
            time.sleep(600)
        # a job server that is away, or that has forgotten the job, as often as the tape says
        if tape.get("away"):
            tape["away"].pop()
            raise ConnectionError("refused")
        if "forgotten" in tape:
            raise RuntimeError("Request failed with status code 404: Job raysubmit_1 does not exist.")
        return JobStatus(self.status)

    def stop_job(self, job):
        self.status = tape["stops"]

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

    def begin(
        self,
        tape,
        *words,
        version="2.30.0",
        archive=None,
        wait=True,
        env=None,
        do="submit",
        needs=None,
        **spec,
    ):
        (self.folder / "site/ray/__init__.py").write_text(f"__version__ = {version!r}\n")
        (self.folder / "tape.json").write_text(json.dumps(tape))
        variables = {"PYTHONPATH": str(self.folder / "site"), "TAPE": str(self.folder)}
        variables["RAY_TMPDIR"] = str(self.folder)
        asked = {"do": do, "address": "http://127.0.0.1:8265", "job": "raysubmit_1", **spec}
        if do == "submit":
            asked |= {"wait": wait, "user": "me@here", "needs": needs or {}}
        self.journal = self.folder / "jobs"
        how = [str(self.place), "folder" if archive else "", "env" if env else "", str(self.journal)]
        read = self.folder / "archive"
        read.write_bytes((json.dumps(env).encode() + b"\n" if env else b"") + (archive or b""))
        with read.open("rb") as stdin:
            return subprocess.Popen(
                [sys.executable, "-c", _driver("submit"), json.dumps(asked), *how, *words],
                env=variables,
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
    assert done.stdout == "\x01job raysubmit_1 submitted\na\nb\n\x01job raysubmit_1 succeeded\n"
    assert done.returncode == 0


def test_a_connection_that_breaks_at_the_last_lines_is_not_the_job_s_failure(job):
    # followed again when it is over, a job's output is whole
    rounds = [[["a\n"], False, "SUCCEEDED"], [["a\n", "b\n"], False, "SUCCEEDED"]]
    done = job.run({"rounds": rounds, "logs broken": True}, "x")
    assert done.stdout == "\x01job raysubmit_1 submitted\na\nb\n\x01job raysubmit_1 succeeded\n"
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
        "\x01job raysubmit_1 submitted",
        "a",
        "\x01installing the packages of runtime_env on the head",
        "\x01ERROR: No matching distribution found for lab-probe==9.9",
        "\x01job raysubmit_1 succeeded",
    ]


def test_a_long_log_is_followed_again_and_not_asked_for_at_once(job):
    much = "z" * 999 + "\n"
    rounds = [[[much] * 17_000, False, "SUCCEEDED"], [[much] * 17_000 + ["b\n"], False, "SUCCEEDED"]]
    done = job.run({"rounds": rounds}, "x")
    assert done.stdout.count("z") == 17_000 * 999
    assert done.stdout.endswith("z\nb\n\x01job raysubmit_1 succeeded\n")


@pytest.mark.parametrize("version", ["2.49.2", "2.60.0", "3.0.0"])
def test_a_ray_that_loses_nothing_is_followed_once(job, version):
    done = job.run({"rounds": [[["a\n", "b\n"], False, "SUCCEEDED"]]}, "x", version=version)
    assert done.stdout == "\x01job raysubmit_1 submitted\na\nb\n\x01job raysubmit_1 succeeded\n"


def test_a_following_that_ends_or_breaks_before_the_job_is_taken_up_again(job):
    rounds = [[["a\n"], False, "RUNNING"], [["a\nb"], True, "RUNNING"], [["a\nb", "c\n"], False, "SUCCEEDED"]]
    done = job.run({"rounds": rounds}, "x", version="2.60.0")
    assert done.stdout == "\x01job raysubmit_1 submitted\na\nbc\n\x01job raysubmit_1 succeeded\n"


@pytest.mark.parametrize("status", ["FAILED", "STOPPED"])
def test_a_job_that_did_not_succeed(job, status):
    tape = {"rounds": [[["a\n"], False, status]], "logs": "a\n", "message": "exit code 3"}
    done = job.run(tape, "x")
    assert done.stdout.endswith(f"a\n\x01job raysubmit_1: {status.lower()}: exit code 3\n")
    assert done.returncode == 1


def test_without_waiting_only_the_submission_is_printed(job):
    done = job.run({"rounds": []}, "x", wait=False)
    assert (done.stdout, done.returncode) == ("\x01job raysubmit_1 submitted\n", 0)


def test_arguments_reach_the_job_unchanged(job):
    job.run({"rounds": []}, "python", "-c", "print('$HOME', \"`id`\")", wait=False)
    line, env, *_ = json.loads(job.at.read_text())
    assert env is None
    run = subprocess.run(
        ["sh", "-c", line.replace("python", sys.executable, 1)], capture_output=True, text=True
    )
    assert run.stdout == "$HOME `id`\n"


def test_a_refusal_is_one_line(job):
    done = job.run({"refused": "no such folder"}, "x")
    assert (done.stdout, done.stderr, done.returncode) == ("\x01RuntimeError: no such folder\n", "", 3)


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
        _, env, files, _ = json.loads(job.at.read_text())
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
        assert job.run({"refused": "too large"}, "x", archive=archive).returncode == 3
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
    assert process.stdout.readline() == "\x01job raysubmit_1 submitted\n"
    process.stdout.close()
    assert process.wait(timeout=30) == 1
    assert process.stderr.read() == ""
    process.stderr.close()


class TestFollowingAgain:
    """The connection broke, and another driver goes on where the one before was read last."""

    def test_what_was_shown_is_not_shown_again(self, job):
        rounds = [[["a\nb", "\nc\nd"], False, "SUCCEEDED"]]
        done = job.run({"rounds": rounds}, do="follow", shown=2, version="2.60.0")
        assert done.stdout == "\x01job raysubmit_1 followed\nc\nd\x01job raysubmit_1 succeeded\n"
        assert done.returncode == 0

    def test_a_job_server_that_comes_back(self, job):
        tape = {"away": [1, 1], "rounds": [[["a\n"], False, "FAILED"]], "message": "exit code 3"}
        done = job.run(tape, do="follow", version="2.60.0")
        assert done.stdout.endswith("a\n\x01job raysubmit_1: failed: exit code 3\n")
        assert done.returncode == 1

    def test_and_one_that_stays_away(self, job):
        done = job.run({"away": [1] * 99}, do="follow", patience=2)
        assert done.stdout.endswith("\x01ConnectionError: refused\n")
        assert done.returncode == 3

    def test_a_job_that_ray_has_forgotten(self, job):
        done = job.run({"forgotten": True}, do="follow")
        assert done.stdout.endswith("\x01job raysubmit_1: gone\n")
        assert done.returncode == 1


@pytest.mark.parametrize(
    ("tape", "said", "code"),
    [
        ({"stops": "STOPPED"}, "job raysubmit_1: stopped", 0),
        ({"stops": "SUCCEEDED"}, "job raysubmit_1: succeeded", 0),
        ({"stops": "STOPPED", "forgotten": True}, "job raysubmit_1: gone", 1),
    ],
)
def test_a_job_that_is_stopped(job, tape, said, code):
    done = job.run(tape, do="stop")
    assert (done.stdout, done.returncode) == (f"\x01{said}\n", code)


class TestWhatItGets:
    def test_variables_come_in_by_a_pipe(self, job, tmp_path):
        source = tmp_path / "source"
        source.mkdir()
        (source / "job.py").write_text("print(1)")
        env = {"TOKEN": "it's\na secret"}
        job.run({"rounds": []}, "x", wait=False, env=env, archive=pack(source)[0])
        _, runtime_env, files, _ = json.loads(job.at.read_text())
        assert runtime_env["env_vars"] == env
        assert files["job/job.py"][1] == "print(1)"

    def test_what_the_entry_point_needs(self, job):
        job.run({"rounds": []}, "x", wait=False, needs={"entrypoint_num_gpus": 0.5})
        assert json.loads(job.at.read_text())[3] == 0.5

    def test_a_ray_that_lacks_it_says_so(self, job):
        done = job.run({"rounds": []}, "x", needs={"entrypoint_label_selector": {"zone": "a"}})
        assert (
            done.stdout == "\x01ValueError: Ray 2.30.0 takes no label selector for the entry point of a job\n"
        )
        assert done.returncode == 3 and not job.at.exists()


class TestTheJournal:
    def test_has_the_job_at_once(self, job):
        (job.folder / "jobs").mkdir()
        job.run({"rounds": []}, "echo", "it's", wait=False)
        (found,) = parse((job.journal / "raysubmit_1.json").read_text().splitlines())[0]
        assert (found.id, found.status, found.user) == ("raysubmit_1", "PENDING", "me@here")
        assert found.entrypoint == "echo 'it'\"'\"'s'"

    def test_and_what_its_keeper_has_written_stays(self, job):
        (job.folder / "jobs").mkdir()
        (job.folder / "jobs/raysubmit_1.json").write_text("{}")
        job.run({"rounds": []}, "x", wait=False)
        assert (job.journal / "raysubmit_1.json").read_text() == "{}"
