"""What running work would end, in words, from what the driver on the head has found."""

from __future__ import annotations

import json

import pytest

from tasks.node.work import Work, ending, parse, program

JOB = {"job": "raysubmit_1", "pending": False, "age": 260, "user": "alice@desk", "ip": "10.0.0.1"}
DRIVER = {
    "command": "/opt/bin/python3 -u train.py --key=s3cret",
    "ip": "10.0.0.2",
    "pid": 7,
    "age": 7300,
    "client": False,
}
CLIENT = {
    **DRIVER,
    "command": "python -m ray.util.client.server --port=1",
    "ip": "10.0.0.1",
    "pid": 8,
    "client": True,
}
STAYS = {"actor": "counter", "detached": True, "moves": False, "ip": "10.0.0.2"}
MOVES = {"actor": "Worker", "detached": False, "moves": True, "ip": "10.0.0.2"}
TASKS = {"tasks": 3, "ip": "10.0.0.2"}
NAMES = {"10.0.0.1": "head", "10.0.0.2": "one"}


def found(*entries) -> Work:
    return parse([json.dumps(one) for one in [*entries, {"done": True}]], "nobody knows")


def test_an_idle_cluster_ends_no_work():
    assert ending(found(), NAMES, None) == ()
    assert ending(found(), NAMES, ["10.0.0.1"]) == ()


def test_an_answer_without_an_end_is_none():
    work = parse([json.dumps(JOB), "half a li"], "the head does not answer")
    assert work == Work(problem="the head does not answer")
    assert ending(work, NAMES, None) == ("running work could not be determined: the head does not answer",)


def test_with_the_head_everything_ends():
    assert ending(found(JOB, DRIVER, CLIENT, STAYS, MOVES, TASKS), NAMES, None) == (
        "1 job: raysubmit_1, 4 min, alice@desk",
        "2 drivers: train.py on one (process 7), 2 h; Ray Client on head (process 8), 2 h",
        "1 detached actor: counter",
    )


def test_with_a_worker_what_is_on_it():
    assert ending(found(JOB, DRIVER, CLIENT, STAYS, MOVES, TASKS), NAMES, ["10.0.0.2"]) == (
        "1 driver: train.py on one (process 7), 2 h",
        "1 actor: counter on one",
        "1 actor: Worker on one, restarted on another node without its state",
        "3 tasks, retried on another node where max_retries allows it",
    )
    assert ending(found(JOB, DRIVER, CLIENT, STAYS, MOVES, TASKS), NAMES, ["10.0.0.9"]) == ()


def test_a_job_that_waits_counts_too():
    waiting = {**JOB, "pending": True, "ip": "", "user": ""}
    assert ending(found(waiting), NAMES, None) == ("1 job: raysubmit_1, waiting",)
    assert ending(found(waiting), NAMES, ["10.0.0.2"]) == ()


def test_many_are_folded():
    jobs = [{**JOB, "job": f"j{n}", "user": "", "age": 5} for n in range(20)]
    assert ending(found(*jobs), NAMES, None) == ("20 jobs: j0, 5 s; j1, 5 s; j2, 5 s; j3, 5 s; and 16 more",)


def test_what_others_have_named_does_not_steer_the_terminal():
    (line,) = ending(found({**JOB, "user": "eve\x1b[2J\n"}), NAMES, None)
    assert line.isprintable()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("python train.py --password s3cret", "train.py"),
        ("/usr/bin/python3.11 -u -X dev jobs/train.py s3cret", "dev"),
        ("python -m trainer.main --password s3cret", "trainer.main"),
        ("python -c 'print(1)'", "python -c"),
        ("(interactive_shell) python", "python"),
        ("/venv/bin/python -m ipykernel_launcher -f /home/me/kernel-1.json", "notebook"),
        ("/usr/bin/jupyter-lab s3cret", "jupyter-lab"),
        ("java -cp x Main", "java"),
        ("C:\\envs\\ray\\python.exe train.py", "train.py"),
        ("", "python"),
    ],
)
def test_a_driver_is_called_by_its_program_alone(command, said):
    assert program(command) == said


class TestADrain:
    def test_gives_tasks_time_and_counts_objects(self):
        work = found({**TASKS, "objects": 2, "bytes": 3_000_000}, {"group": "pack", "ips": ["10.0.0.1"]})
        assert ending(work, NAMES, ["10.0.0.2"], deadline="10 min") == (
            "3 tasks if not done within 10 min, retried on another node where max_retries allows it",
            "2 objects (3.0 MB), unless there is another copy or Ray computes them again",
        )

    def test_names_placement_groups_that_are_torn(self):
        work = found({"group": "pack", "ips": ["10.0.0.1", "10.0.0.2"]})
        assert ending(work, NAMES, ["10.0.0.2"], deadline="10 min") == (
            "1 placement group: pack on one, placed again where there is room",
        )
        assert ending(work, NAMES, None) == ("1 placement group: pack",)
