"""What the doctor says of one host, and of hosts that are compared with each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.inventory import Host
from tasks.node.health import Gpu, Health
from tasks.node.places import Places, Room
from tasks.node.processes import Raylet
from tasks.plan.burned import Part, judge, parse_parts
from tasks.plan.compared import of_all
from tasks.plan.health import Patient, of_host
from tasks.plan.outcomes import FAIL, PASS, SKIP, WARN
from tests.script import samples

GIB = 1 << 30
GOOD = Health(
    python="python3",
    mtu={"eth0": 1500},
    own_address="10.0.0.1",
    memory={"MemTotal": 8 * GIB, "MemAvailable": 4 * GIB, "SwapTotal": GIB, "SwapFree": GIB, "oom_kill": 0},
)
FULL = Places(rooms={"/": Room(100 * GIB, 4 * GIB), "/data": Room(100 * GIB, 9 * GIB)})


def patient(health: Health | None = GOOD, name: str = "one", **facts) -> Patient:
    more = {key: facts.pop(key) for key in ("skew", "lock", "address", "blur") if key in facts}
    found = samples.subject("worker", **facts)
    host: Host = found.host.model_copy(update={"name": name, "gpus": facts.get("asked")})
    return Patient(replace(found, host=host), health, **more)


def bad(found) -> dict[str, list[tuple[str, str]]]:
    out: dict[str, list[tuple[str, str]]] = {}
    for one in found:
        if one.result != PASS:
            out.setdefault(one.check, []).append((one.result, one.message))
            assert one.hint or one.result == SKIP
    return out


class TestOneHost:
    def test_a_good_one_passes_every_check(self):
        found = of_host(patient(), "lab")
        assert {one.result for one in found} == {PASS}
        assert {one.check for one in found} == {
            "host",
            "disk",
            "shm",
            "memory",
            "limits",
            "name",
            "gpu",
        }
        assert {one.nodes for one in found} == {("one",)}

    def test_a_problem_and_a_note_of_a_check(self):
        found = bad(of_host(patient(home_writable=False, home="/home/me", user="me"), "lab"))
        assert found["host"] == [(FAIL, "the home folder /home/me is not writable")]

    def test_disks(self):
        found = of_host(patient(places=FULL), "lab")
        said = {one.message: (one.result, one.repair) for one in found if one.check == "disk"}
        assert said["/data is 91 % full, 9.0 GiB are free"] == (WARN, "clean")
        assert any(result == FAIL for result, _ in said.values())

    @pytest.mark.parametrize(
        ("memory", "words"),
        [
            ({"MemAvailable": GIB // 2}, "512 MiB of 8.0 GiB are available"),
            ({"SwapFree": 0}, "1.0 GiB are swapped out"),
            ({"oom_kill": 1}, "ended processes for lack of memory once since the boot"),
            ({"oom_kill": 3}, "ended processes for lack of memory 3 times since the boot"),
        ],
    )
    def test_memory(self, memory, words):
        found = bad(of_host(patient(replace(GOOD, memory={**GOOD.memory, **memory})), "lab"))
        ((result, message),) = found["memory"]
        assert result == WARN
        assert words in message

    def test_limits_are_those_of_the_raylet_and_of_no_other(self):
        health = replace(GOOD, limits={"7": {"open files": 1024, "processes": None}, "8": {"open files": 9}})
        found = bad(of_host(patient(health, raylets=(Raylet(7, 5, "ab", True),)), "lab"))
        assert found["limits"] == [(WARN, "the raylet may have 1024 open files, 4096 are few")]

    def test_before_a_deploy_limits_are_those_of_a_login(self):
        found = of_host(patient(user="me", uid=1000, places=Places(files=1024)), "lab")
        assert (WARN, "a login may have 1024 open files (ulimit -n), 4096 are few") in bad(found)["limits"]

    def test_its_own_name(self):
        (one,) = [
            one for one in of_host(patient(replace(GOOD, own_address="none")), "lab") if one.check == "name"
        ]
        assert (one.result, one.repair) == (WARN, "name")

    def test_gpus(self):
        cards = (
            Gpu("0", "NVIDIA L4", "550.54.15", ecc=3),
            Gpu("1", "NVIDIA L4", "550.54.15", slowed=("heat (hardware)",), celsius=94),
        )
        health = replace(GOOD, gpus=cards, xid=("[1.0] NVRM: Xid (PCI:0000:01:00): 79, fell off the bus",))
        found = bad(of_host(patient(health, gpus=("NVIDIA L4",) * 2), "lab"))
        assert found["gpu"] == [
            (FAIL, "GPU 0 (NVIDIA L4): 3 uncorrected ECC errors"),
            (WARN, "GPU 1 (NVIDIA L4): throttled by heat (hardware), 94 degrees"),
            (
                FAIL,
                "the driver reports 1 Xid errors, the last one: [1.0] NVRM: Xid (PCI:0000:01:00): 79, "
                "fell off the bus",
            ),
        ]

    def test_a_log_of_the_kernel_that_may_not_be_read_is_no_pass(self):
        health = replace(GOOD, gpus=(Gpu("0", "NVIDIA L4", "1"),), xid=None)
        assert bad(of_host(patient(health, gpus=("NVIDIA L4",)), "lab"))["gpu"][0][0] == SKIP

    def test_what_a_system_has_no_script_for_is_said(self):
        found = bad(of_host(patient(None, system="Windows", home="C:/Users/me"), "lab"))
        assert found["memory"] == [(SKIP, "not available on Windows yet")]


def compared(*patients: Patient) -> dict[str, list[tuple[str, str]]]:
    return bad(of_all(patients))


def three(**more) -> list[Patient]:
    return [
        patient(name=name, hostname=name, machine_id=name, skew=0.1 * at, **more)
        for at, name in enumerate(("a", "b", "c"))
    ]


class TestCompared:
    def test_hosts_that_are_alike_pass(self):
        found = of_all(three())
        assert {one.result for one in found} == {PASS}
        assert {one.nodes for one in found} == {("a", "b", "c")}
        assert "within 0.1 s of the median" in {one.message for one in found}

    @pytest.mark.parametrize(
        ("skew", "result"), [(1.5, None), (3.2, WARN), (-40.0, WARN), (300.0, FAIL), (-300.0, FAIL)]
    )
    def test_a_clock(self, skew, result):
        a, b, c = three()
        found = compared(a, replace(b, skew=skew), c)
        assert [one[0] for one in found.get("clock", ())] == ([result] if result else [])

    def test_a_slow_answer_is_no_wrong_clock(self):
        a, b, c = three()
        assert "clock" not in compared(a, b, replace(c, skew=-9.0, blur=9.5))
        assert compared(a, b, replace(c, skew=-18.5, blur=9.5))["clock"][0][1].startswith("-9 s from")

    def test_a_clock_that_nothing_keeps(self):
        a, b, c = three()
        found = compared(a, b, replace(c, skew=60.2, health=replace(GOOD, ntp={"NTPSynchronized": "no"})))
        assert found["clock"] == [(WARN, "+60 s from the median of all hosts; no NTP keeps it")]

    def test_one_host_alone_has_no_median(self):
        assert compared(three()[0])["clock"] == [(SKIP, "there is no other clock")]

    def test_copied_machines(self):
        found = of_all([patient(name="a", hostname="x"), patient(name="b", hostname="x")])
        said = {one.check: one.nodes for one in found if one.result == WARN}
        assert said == {"machine-id": ("a", "b"), "hostname": ("a", "b")}

    def test_mtu_is_of_the_interface_with_the_nodes_address(self):
        a, b, c = three(address="10.0.0.1")
        other = replace(c, health=replace(GOOD, mtu={"eth0": 9000, "eth1": 1500}))
        assert compared(a, b, other)["mtu"] == [(WARN, "MTU 9000 here, 1500 on most hosts")]

    def test_packages_that_differ_or_are_missing(self):
        a, b, c = three(lock="ray[default]==2.60.0\nnumpy==2.1.0\n")
        other = replace(c, health=replace(GOOD, packages={"ray": "2.60.0", "numpy": "2.2.0", "extra": "1.0"}))
        found = compared(a, b, other)
        assert found["packages"] == [
            (
                WARN,
                "differs from the others, whose versions are in brackets: extra 1.0 (none), numpy 2.2.0 (2.1.0)",
            )
        ]
        left = replace(c, lock="ray==2.60.0\n")
        assert "numpy none (2.1.0)" in compared(a, b, left)["packages"][0][1]

    def test_of_two_hosts_the_head_has_what_is_usual(self):
        a, b, _ = three()
        found = of_all([replace(a, lock="ray==2.60.0\n"), replace(b, lock="ray==2.60.0\nemoji==1.0\n")])
        (one,) = [one for one in found if one.result == WARN]
        assert (one.nodes, one.message.rpartition(": ")[2]) == (("b",), "emoji 1.0 (none)")

    def test_proxies(self):
        a, b, c = three()
        other = replace(c, health=replace(GOOD, proxies={"http_proxy": "proxy.lab:3128"}))
        assert compared(a, b, other)["proxy"] == [
            (WARN, "http_proxy=proxy.lab:3128 here, none on most hosts")
        ]

    def test_a_raylet_whose_traffic_to_the_head_takes_a_proxy(self):
        a, b, _ = three()
        head = replace(a, address="10.0.0.1", subject=replace(a.subject, host=samples.host("head", name="a")))
        health = replace(GOOD, ray_proxies={"http_proxy": "proxy.lab:3128", "no_proxy": "localhost"})
        found = compared(head, replace(b, health=health))
        assert found["proxy"] == [(WARN, "Ray's processes use a proxy, also for the head (10.0.0.1)")]
        direct = {**health.ray_proxies, "no_proxy": "localhost,10.0.0.1"}
        assert "proxy" not in compared(head, replace(b, health=replace(health, ray_proxies=direct)))

    def test_drivers(self):
        cards = [
            replace(one, health=replace(GOOD, gpus=(Gpu("0", "NVIDIA L4", driver),)))
            for one, driver in zip(three(), ("550", "550", "535"), strict=True)
        ]
        assert compared(*cards)["gpu-driver"] == [(WARN, "NVIDIA's driver 535 here, 550 on most hosts")]


class TestBurnIn:
    def test_each_host_is_compared_with_the_median(self):
        found = judge(
            {
                "a": [Part("cpu", 1000.0, "MiB/s")],
                "b": [Part("cpu", 600.0, "MiB/s")],
                "c": [Part("cpu", 1010.0, "MiB/s")],
            }
        )
        assert [(one.nodes, one.result, one.message) for one in found] == [
            (("b",), WARN, "600 MiB/s, 60 % of the median of 1000 MiB/s"),
            (("a", "c"), PASS, "median 1000 MiB/s, no wrong result"),
        ]

    def test_a_wrong_result_is_worse_than_a_slow_one(self):
        found = judge({"a": [Part("memory", 1000.0, "MiB/s", 2)], "b": [Part("memory", 1000.0, "MiB/s")]})
        assert [(one.nodes, one.result) for one in found] == [(("a",), FAIL), (("b",), PASS)]

    def test_one_host_alone(self):
        (one,) = judge({"a": [Part("disk-read", 100.0, "MiB/s")]})
        assert one.message.endswith("there is no other host to compare it with")

    def test_what_was_not_tried_is_said(self):
        parts = parse_parts(["gpu - - no PyTorch in the node's environment", "cpu 12.50 MiB/s 0", "x 1 y 0"])
        assert parts == [
            Part("gpu", None, "", why="no PyTorch in the node's environment"),
            Part("cpu", 12.5, "MiB/s"),
        ]
        assert judge({"a": parts})[0].result == SKIP
