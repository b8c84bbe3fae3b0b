"""The folder for spilled objects: in the arguments, in a container, checked, and gone after a destroy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.node import operations
from tasks.node.places import Mount, Places, Room
from tasks.node.subject import Subject
from tasks.node.temp import spill_dir
from tasks.plan.problems import host_problems
from tests.script import samples
from tests.script.shells import SHELLS, ask

GIB = 1 << 30
TEXT = samples.UV.replace('version: "2.52.0"', 'version: "2.60.0", spill_dir: ~/spill, logs: {max: 64mb}')
FLAG = "--object-spilling-directory="


def test_each_node_has_a_folder_of_its_own():
    host = samples.host(text=TEXT, name="one:1")
    assert spill_dir(host, "/home/me/", "lab", "2.60.0") == "/home/me/spill/rayfab-lab/one-1"
    assert spill_dir(host, "/home/me", "lab", "2.54.0") == ""
    assert spill_dir(samples.host(), "/home/me", "lab", "2.60.0") == ""


@pytest.mark.parametrize(("ray", "flags"), [("2.60.0", 1), ("2.54.0", 0)])
def test_ray_is_told_where_it_can_be(ray, flags):
    subject = samples.subject(text=TEXT)
    desired = samples.desired(subject, versions=replace(samples.versions(), ray=ray))
    told = [word for word in desired.arguments if word.startswith(FLAG)]
    assert told == [f"{FLAG}/root/spill/rayfab-lab/one"] * flags
    assert desired.spill_dir == told[0].removeprefix(FLAG) if flags else not desired.spill_dir


def test_a_container_has_it_at_a_place_of_its_own():
    text = TEXT.replace("runtime: uv", "runtime: docker")
    desired = samples.desired(
        samples.subject(text=text), versions=replace(samples.versions(image="i"), ray="2.60.0")
    )
    assert "/root/spill/rayfab-lab/one:/tmp/ray_spill" in desired.arguments
    assert f"{FLAG}/tmp/ray_spill" in desired.arguments
    # what keeps it small: limits and the folder, then what the container runs
    at = desired.arguments.index("prune")
    assert desired.arguments[at : at + 6] == (
        "prune",
        str(64 << 20),
        "14",
        "5000",
        "/tmp/ray_spill",
        "python",
    )


def test_rotation_follows_the_limit_unless_ray_env_says_otherwise():
    text = TEXT.replace("logs:", 'env: {RAY_ROTATION_BACKUP_COUNT: "9"}, logs:')
    env = samples.desired(samples.subject(text=text)).files["ENV_SH"]
    assert "export RAY_ROTATION_MAX_BYTES=1048576\n" in env and "export RAY_ROTATION_BACKUP_COUNT=9\n" in env
    assert "export RAY_log_rotation_max_bytes=1048576\n" in env and "RAY_log_rotation_backup_count=3\n" in env


@pytest.mark.parametrize(
    ("places", "facts", "expected"),
    [
        ({"spill": Mount("/data", "tmpfs")}, {}, "~/spill lies in memory (tmpfs), which"),
        ({"spill": Mount("/data", "nfs4")}, {}, "~/spill lies on a file server (nfs4)"),
        ({"rooms": {"/data": Room(100 * GIB, GIB)}}, {}, "~/spill has room for fewer objects (1.0 GiB) than"),
        ({"rooms": {"/data": Room(100 * GIB, 0)}}, {}, "~/spill has no room: 0 KiB of 100.0 GiB are free"),
        (
            {"spill": Mount("/data", "ext4", frozenset({"ro"}))},
            {},
            "~/spill lies on a file system that is read-only",
        ),
        ({"spill_writable": False}, {"uid": 1000, "user": "me"}, "me may not make ~/spill"),
    ],
)
def test_check_says_what_is_wrong_with_it(places, facts, expected):
    known = {"spill_near": "/data", "spill": Mount("/data", "ext4"), **places}
    host = samples.host(text=TEXT)
    found = host_problems(Subject(host, samples.facts(places=Places(**known), **facts)), "lab")
    assert [one.message for one in found if one.message.startswith(expected)], [one.message for one in found]


@pytest.mark.parametrize("shell", SHELLS)
def test_destroy_removes_the_node_s_own_folder_and_nothing_beside_it(shell, tmp_path):
    node, spill = tmp_path / "home/.rayfab/lab", tmp_path / "spill"
    node.mkdir(parents=True)
    (node / "service").write_text("loop")
    mine, others = spill / "rayfab-lab/one", spill / "rayfab-other/one"
    for folder in (mine, others):
        (folder / "ray_spilled_objects_1").mkdir(parents=True)
    (node / "spills").write_text(f"{mine}\n{others}\n/\n{spill}/rayfab-lab/../..\n")
    script = operations.destroy_script(samples.host(), "lab")
    answer = ask(
        replace(script, values={**script.values, "TEMP_DIR": str(tmp_path / "temp")}),
        shell,
        tmp_path / "home",
    )
    assert answer.ok and "left" not in answer.values
    assert [path.name for path in spill.iterdir()] == ["rayfab-other"] and others.is_dir()
