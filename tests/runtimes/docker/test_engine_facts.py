"""What an engine can give, and the words of `docker run` that follow from it."""

from __future__ import annotations

import pytest

from tasks.runtimes.docker.engine.facts import EngineFacts, has_option, parse_engine, run_options
from tests.script import samples

ENGINE = """
cpus 4
memory 8321515520
system Docker Desktop
arch aarch64
option name=seccomp,profile=builtin
option name=cgroupns
option name=selinux
runtime io.containerd.runc.v2
runtime nvidia
runtime runc
""".splitlines()
SHM = 1 << 30


def options(engine=None, found=0, run_args=(), **host):
    of = samples.host("worker", samples.DOCKER, gpus=None)
    docker = of.docker.model_copy(update={"run_args": tuple(run_args)})
    return run_options(of.model_copy(update={"docker": docker, **host}), engine or EngineFacts(), found, SHM)


class TestParse:
    def test_all_that_it_says(self):
        values = {"engine_nofile": ["524288"], "gpu_hook": ["1"], "gpu_cdi": ['["/etc/cdi"]']}
        assert parse_engine(values, {"engine": ENGINE}) == EngineFacts(
            cpus=4,
            memory=8321515520,
            system="Docker Desktop",
            arch="aarch64",
            options=frozenset({"seccomp", "cgroupns", "selinux"}),
            runtimes=frozenset({"io.containerd.runc.v2", "nvidia", "runc"}),
            nofile=524288,
            hook=True,
            cdi=True,
        )

    @pytest.mark.parametrize("said", [[], [""], ["cpus 0", "memory 0", "cpus <no value>"]])
    def test_one_that_says_nothing(self, said):
        assert parse_engine({}, {"engine": said}) == EngineFacts()

    @pytest.mark.parametrize("said", ["", "null", "[]"])
    def test_an_engine_without_the_device_interface(self, said):
        assert not parse_engine({"gpu_cdi": [said], "engine_nofile": ["unlimited"]}, {}).cdi


class TestGpus:
    HOOK = EngineFacts(hook=True)

    @pytest.mark.parametrize(
        ("engine", "found", "asked", "words"),
        [
            (HOOK, 2, None, ["--gpus", "all"]),
            (HOOK, 2, 1, ["--gpus", "1"]),
            (HOOK, 2, 0, []),
            (HOOK, 0, None, []),
            (HOOK, 0, 1, []),
            (EngineFacts(runtimes=frozenset({"nvidia"})), 1, None, ["--gpus", "all"]),
            (EngineFacts(system="Docker Desktop"), 1, None, ["--gpus", "all"]),
            (EngineFacts(), 2, None, []),
            (EngineFacts(), 2, 1, []),
            (EngineFacts(cdi=True), 2, None, ["--device", "nvidia.com/gpu=all"]),
            (
                EngineFacts(cdi=True),
                4,
                2,
                ["--device", "nvidia.com/gpu=0", "--device", "nvidia.com/gpu=1"],
            ),
            (EngineFacts(hook=True, cdi=True), 1, None, ["--gpus", "all"]),
        ],
    )
    def test_gpus_become_arguments_of_docker_run(self, engine, found, asked, words):
        assert options(engine, found, gpus=asked) == [f"--shm-size={SHM}", *words]


class TestOpenFiles:
    @pytest.mark.parametrize(
        ("limit", "words"),
        [
            (None, []),
            (1048576, ["--ulimit", "nofile=65536:524288"]),
            (524288, ["--ulimit", "nofile=65536:524288"]),
            (65536, ["--ulimit", "nofile=65536:65536"]),
            (4096, ["--ulimit", "nofile=4096:4096"]),
        ],
    )
    def test_never_more_than_the_engine_has(self, limit, words):
        assert options(EngineFacts(nofile=limit)) == [f"--shm-size={SHM}", *words]

    def test_a_rootless_engine_is_not_the_one_whose_limits_were_read(self):
        assert options(EngineFacts(nofile=4096, options=frozenset({"rootless"}))) == [f"--shm-size={SHM}"]


def test_selinux_would_keep_ray_s_folder_from_the_container():
    assert options(EngineFacts(options=frozenset({"selinux", "seccomp"})))[1:] == [
        "--security-opt",
        "label=disable",
    ]


FULL = EngineFacts(nofile=524288, hook=True, options=frozenset({"selinux"}))


@pytest.mark.parametrize(
    ("own", "gone"),
    [
        (["--shm-size=4g"], "--shm-size"),
        (["--shm-size", "4g"], "--shm-size"),
        (["--ulimit", "nofile=1024"], "--ulimit"),
        (["--security-opt", "label=type:x"], "--security-opt"),
        (["--privileged"], "--security-opt"),
        (["--gpus", "device=0"], "--gpus"),
        (["--device=nvidia.com/gpu=0"], "--gpus"),
    ],
)
def test_what_run_args_say_is_left_to_them(own, gone):
    words = options(FULL, 1, run_args=own)
    assert not [word for word in words if word.startswith(gone)]
    assert len(words) in (6, 5)


@pytest.mark.parametrize(
    "own",
    [
        ["--ulimit", "memlock=-1"],
        ["--security-opt", "seccomp=unconfined"],
        ["--device", "/dev/fuse"],
        ["--gpusx"],
    ],
)
def test_what_is_only_alike_takes_nothing_away(own):
    assert options(FULL, 1, run_args=own) == options(FULL, 1)


def test_an_option_is_found_in_one_word_and_in_two():
    assert has_option(["-v", "a:b", "--userns", "host"], "--userns", "host")
    assert has_option(["--userns=host"], "--userns")
    assert not has_option(["--userns=private"], "--userns", "host")
    assert not has_option(["--usernsx", "host"], "--userns")
    assert not has_option([], "--userns")
