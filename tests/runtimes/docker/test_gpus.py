"""GPUs that the hosts file asks for, against what a host has and what its Docker can hand on."""

from __future__ import annotations

import pytest

from tasks.node.subject import Finding
from tasks.plan.problems import host_problems
from tasks.runtimes.docker.engine.facts import EngineFacts, run_options
from tasks.runtimes.docker.engine.gpus import GUIDE
from tests.script import samples

UV = samples.host("worker", samples.UV)
DOCKER = samples.host("worker", samples.DOCKER)
TOOLKIT = EngineFacts(hook=True)
L4 = ("NVIDIA L4",)
BROKEN = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
MISSING = "gpus: 1 is requested, but Docker cannot give it: NVIDIA's container toolkit is missing"
APT = (
    f"sudo apt-get install -y nvidia-container-toolkit (from NVIDIA's packages: {GUIDE}), "
    "then sudo systemctl restart docker"
)


def found(host, asked, /, **facts):
    """What is said of a host whose entry asks for so many GPUs."""
    return host_problems(samples.subject(host_=host.model_copy(update={"gpus": asked}), **facts), "lab")


@pytest.mark.parametrize(
    ("host", "asked", "facts", "message", "hint"),
    [
        (DOCKER, 1, {"gpus": L4, "tools": frozenset({"apt-get"})}, MISSING, APT),
        (DOCKER, 1, {"gpus": L4}, MISSING, GUIDE),
        # Docker is about to be installed there
        (DOCKER, 1, {"gpus": L4, "version": None, "problem": "missing"}, MISSING, GUIDE),
    ],
)
def test_gpus_that_docker_cannot_give_are_reported_before_anything_starts(host, asked, facts, message, hint):
    assert Finding("one", message, hint) in found(host, asked, **facts)


@pytest.mark.parametrize("tool", ["dnf", "yum", "zypper", "pacman"])
def test_the_toolkit_comes_by_the_host_s_own_package_manager(tool):
    (one,) = found(DOCKER, 1, gpus=L4, tools=frozenset({tool}))
    assert one.hint.count(f"sudo {tool} ") >= 1
    assert one.hint.endswith("nvidia-container-toolkit && sudo systemctl restart docker")


@pytest.mark.parametrize(
    ("host", "asked", "facts"),
    [
        (UV, 1, {"gpus": L4}),
        (UV, None, {"gpus": L4}),
        (DOCKER, 1, {"gpus": L4, "engine": TOOLKIT}),
        (DOCKER, 1, {"gpus": L4, "engine": EngineFacts(runtimes=frozenset({"nvidia", "runc"}))}),
        (DOCKER, 1, {"gpus": L4, "engine": EngineFacts(cdi=True)}),
        (DOCKER, None, {"gpus": L4, "engine": TOOLKIT}),
        (DOCKER, 0, {"gpus": L4}),
        (DOCKER, 0, {"gpu_says": BROKEN}),
        (DOCKER, None, {}),
    ],
)
def test_gpus_that_can_be_given_need_no_message(host, asked, facts):
    assert found(host, asked, **facts) == []


@pytest.mark.parametrize("words", [["--gpus", "device=1"], ["--gpus=all"], ["--device", "nvidia.com/gpu=0"]])
def test_run_args_that_choose_gpus_know_what_they_do(words):
    docker = DOCKER.docker.model_copy(update={"run_args": tuple(words)})
    assert found(DOCKER.model_copy(update={"docker": docker}), 1, gpus=L4) == []


def test_a_gpu_that_stays_unused_is_a_note():
    assert found(DOCKER, None, gpus=L4, tools=frozenset({"apt-get"})) == [
        Finding(
            "one",
            "NVIDIA L4 stays unused, since NVIDIA's container toolkit is missing",
            f"set gpus: 0 if that is intended, else {APT}",
            note=True,
        )
    ]


def test_a_driver_that_does_not_answer_is_a_note_where_nobody_asked():
    (one,) = found(UV, None, gpu_says=BROKEN)
    assert one.note
    assert one.message == f"no GPU is used, since nvidia-smi says: {BROKEN}"


@pytest.mark.parametrize(
    ("host", "asked", "facts", "said"),
    [
        (UV, 2, {}, "nvidia-smi names none"),
        (UV, 2, {"gpus": L4}, "nvidia-smi names NVIDIA L4"),
        (DOCKER, 4, {"gpus": (*L4, "NVIDIA T4", *L4), "engine": TOOLKIT}, "names 2 x NVIDIA L4, NVIDIA T4"),
        (DOCKER, 1, {"gpu_says": BROKEN, "engine": TOOLKIT}, f"nvidia-smi says: {BROKEN}"),
        (UV, 1, {"system": "Darwin"}, "nvidia-smi names none"),
    ],
)
def test_a_number_that_nvidia_does_not_confirm_is_taken_with_a_note(host, asked, facts, said):
    (one,) = found(host, asked, **facts)
    assert one.note and one.hint
    assert one.message.startswith(f"gpus: {asked} is taken as it is") and one.message.endswith(said)


@pytest.mark.parametrize(("asked", "word"), [(None, "all"), (1, "1"), (2, "2"), (3, "all")])
def test_a_gpu_that_counts_more_than_once_is_given_whole(asked, word):
    options = run_options(DOCKER.model_copy(update={"gpus": asked}), TOOLKIT, 2, 1)
    assert options[options.index("--gpus") + 1] == word
