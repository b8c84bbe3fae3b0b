"""What the facts script says of folders, limits and programs that hang: run in each shell, with programs of its own."""

from __future__ import annotations

import shutil

import pytest

from tasks.node.places import Mount, Places, Room, parse_places
from tasks.node.subject import Subject
from tasks.plan.problems import host_problems
from tasks.runtimes.facts import facts_script, parse_facts
from tests.script import samples
from tests.script.shells import SHELLS, SYSTEM_PATH, ask, stand_in, tool

GIB = 1 << 30
HOST = samples.host()


def with_ray(**keys):
    return HOST.model_copy(update={"ray": HOST.ray.model_copy(update=keys)})


class Machine:
    """A home, and programs that come before the system's."""

    def __init__(self, shell, folder):
        self.shell, self.home = shell, folder / "home"
        self.home.mkdir()

    def program(self, name, text):
        stand_in(self.home.parent / "bin", name, text)

    def hangs(self, *names):
        """Programs that do not end, and do not let themselves be ended; the limits are made short."""
        for name in names:
            self.program(name, f"trap '' TERM; {tool('sleep')} 30")
        self.program("sleep", f'case $1 in 8 | 15 | 20 | 40) set -- 1 ;; esac; exec {tool("sleep")} "$@"')

    def facts(self, host=HOST):
        path = f"{self.home.parent}/bin:{SYSTEM_PATH}"
        answer = ask(facts_script(host, "lab"), self.shell, self.home, path=path)
        assert answer.ok, answer.error
        return parse_facts(host, answer.all, answer.texts)


@pytest.fixture(params=SHELLS)
def machine(request, tmp_path):
    return Machine(request.param, tmp_path)


def test_what_hangs_costs_its_own_fact_only(machine):
    machine.hangs("nvidia-smi", "df")
    facts = machine.facts()
    assert facts.hung == (("df", 8), ("nvidia-smi", 20))
    assert facts.disk_free == {} and facts.gpus == ()
    assert facts.home == str(machine.home) and facts.ports
    found = host_problems(Subject(HOST.model_copy(update={"gpus": 2}), facts), "lab")
    notes = [one.message for one in found if one.note]
    assert "df gave no answer within 8 s, so what it knows is left out" in notes
    assert "gpus: 2 is taken as it is, but nvidia-smi says: nothing within 20 s" in notes


def test_sudo_that_hangs_is_no_root(machine):
    machine.program("id", 'case $1 in -u) echo 1000 ;; *) echo "uid=1000(me)" ;; esac')
    machine.hangs("sudo")
    facts = machine.facts()
    assert facts.hung == (("sudo", 40),)
    assert facts.sudo is None and not facts.can_root


def test_programs_that_answer_are_not_disturbed(machine):
    machine.program("nvidia-smi", "echo 'NVIDIA L4, 550.54'; echo 'NVIDIA L4, 550.54'")
    facts = machine.facts()
    assert facts.hung == () and facts.gpus == ("NVIDIA L4", "NVIDIA L4")
    assert list(machine.home.iterdir()) == []


def test_32_bit_programs_under_a_64_bit_kernel(machine):
    machine.program("getconf", 'case $1 in LONG_BIT) echo 32 ;; *) echo "glibc 2.36" ;; esac')
    facts = machine.facts()
    assert facts.bits == 32
    messages = [one.message for one in host_problems(Subject(HOST, facts), "lab")]
    assert "the programs here are 32-bit, and Ray has packages for 64-bit systems only" in messages


class TestRaysFolder:
    def test_that_is_not_there_yet(self, machine):
        facts = machine.facts(with_ray(temp_dir="~/deep/er/ray"))
        assert facts.places.near == str(machine.home.resolve())
        assert facts.places.writable and facts.places.foreign is None
        assert facts.places.rooms[max(facts.places.rooms, key=len)].size > 0
        assert facts.places.temp.at and facts.places.home.at

    def test_in_which_another_user_left_the_address_of_a_cluster(self, machine):
        folder = machine.home / "ray"
        folder.mkdir()
        file = folder / "ray_current_cluster"
        file.write_text("10.9.9.9:6379")
        shutil.chown(file, "daemon")
        shutil.chown(folder, "daemon")
        folder.chmod(0o1777)
        facts = machine.facts(with_ray(temp_dir="~/ray"))
        if facts.places.foreign is not None:  # where the kernel protects such files from root as well
            assert facts.places.foreign == ("daemon", str(file))


def test_the_innermost_mount_counts_and_the_last_of_several():
    found = parse_places(
        {
            "temp_near": ["/tmp"],
            "temp_writable": ["1"],
            "mount": [
                "home ext4 rw,relatime /",
                "temp ext4 rw,relatime /",
                "temp tmpfs rw,size=300m /tmp",
                "temp tmpfs ro,noexec /tmp",
            ],
            "limit_processes": ["100 150"],
            "limit_files": ["1024 unlimited"],
            "temp_foreign": ["bob /tmp/ray it"],
        },
        {
            "df": ["x", "tmpfs 307200 301056 6144 98% /tmp"],
            "inodes": ["tmpfs 1000 900 100 90% /tmp", "btrfs 0 0 0 - /"],
        },
    )
    assert found == Places(
        near="/tmp",
        foreign=("bob", "/tmp/ray it"),
        home=Mount("/", "ext4", frozenset({"rw", "relatime"})),
        temp=Mount("/tmp", "tmpfs", frozenset({"ro", "noexec"})),
        rooms={"/tmp": Room(300 << 20, 6 << 20)},
        inodes={"/tmp": 100},
        processes=150,
        files=None,
    )


def said(places, notes=True, host=HOST, **facts):
    """The messages about a host with these places."""
    known = {"places": places, "uid": 1000, "user": "me", "systemd": False, **facts}
    return [
        one.message for one in host_problems(samples.subject(host_=host, **known), "lab") if one.note == notes
    ]


TMP = Mount("/tmp", "tmpfs", frozenset({"rw"}))


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (
            Places(near="/tmp", rooms={"/tmp": Room(GIB * 300, GIB * 6)}),
            "/tmp/ray has little room: 6.0 GiB of 300.0 GiB are free; "
            'above 95 % Ray refuses objects ("Local disk is full")',
        ),
        (
            Places(near="/tmp", rooms={"/tmp": Room(300 << 20, 290 << 20)}),
            "/tmp/ray has little room: 290 MiB of 300 MiB are free; "
            'above 95 % Ray refuses objects ("Local disk is full")',
        ),
        (
            Places(near="/tmp", temp=TMP, rooms={"/tmp": Room(GIB * 4, GIB * 4)}),
            "/tmp/ray lies in memory (tmpfs of 4.0 GiB): logs and spilled objects take it up",
        ),
        (
            Places(near="/tmp", temp=Mount("/tmp", "ext4", frozenset({"noexec"}))),
            "/tmp/ray lies on a file system without programs (noexec): compiled packages of a job's runtime_env do not "
            'load ("failed to map segment")',
        ),
        (
            Places(near="/tmp", inodes={"/tmp": 100}),
            "/tmp/ray has room for only 100 more files (inodes)",
        ),
        (
            Places(near="/tmp", cleaner="systemd-tmpfiles, after 10d"),
            "/tmp/ray is cleaned: systemd-tmpfiles removes old files there after 10d, "
            "and a node without them runs no tasks",
        ),
        (
            Places(rooms={"/dev/shm": Room(64 << 20, 64 << 20)}),
            "/dev/shm has 64 MiB, and Ray's objects get 2457 MiB (30 % of the memory): they go to a slower place",
        ),
        (
            Places(processes=500),
            "me may have 500 processes and threads (ulimit -u), and each task takes dozens",
        ),
        (
            Places(files=1024),
            "a process may open 1024 files (ulimit -n), and Ray needs thousands where many tasks run",
        ),
    ],
)
def test_what_will_go_wrong_is_a_note(places, message):
    assert said(places) == [message]
    assert said(places, notes=False) == []


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (
            Places(near="/tmp", rooms={"/tmp": Room(300 << 20, 6 << 20)}),
            "/tmp/ray has no room: 6 MiB of 300 MiB are free",
        ),
        (Places(near="/data", writable=False), "me may not make /tmp/ray"),
        (
            Places(processes=150),
            "me may have 150 processes and threads (ulimit -u), and Ray needs hundreds",
        ),
        (
            Places(home=Mount("/home", "nfs4", frozenset({"noexec"}))),
            "/root lies on a file system without programs (noexec), and Ray is installed there",
        ),
        (Places(inodes={"/": 200}), "/root has room for only 200 more files (inodes), 15000 are needed"),
    ],
)
def test_what_keeps_ray_from_starting_is_a_problem(places, message):
    assert message in said(places, notes=False)


def test_a_path_that_is_too_long_for_sockets():
    longest = "/data/" + "x" * 37
    assert said(Places(), notes=False, host=with_ray(temp_dir=longest)) == []
    (message,) = said(Places(), notes=False, host=with_ray(temp_dir=longest + "x"))
    assert (
        message == f"{longest}x is too long: the names of Ray's sockets in it would have more than 107 bytes"
    )
