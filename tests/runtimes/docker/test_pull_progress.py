"""How far a pull is, out of what Docker's API says: the whole is named only once all of it is known."""

from __future__ import annotations

import json

import pytest

from tasks.script.fragments import fragment
from tests.script.shells import SHELLS, spawn

FRAGMENT = fragment("pull").text
BEGUN = [{"status": "Pulling from ray/ray", "id": "2.60.0"}]
BEGUN += [{"status": "Pulling fs layer", "progressDetail": {}, "id": layer} for layer in "abcd"]
BEGUN += [{"status": "Already exists", "progressDetail": {}, "id": "e"}]


def downloading(layer: str, current: int, total: int) -> dict:
    detail = {"current": current * 1_000_000, "total": total * 1_000_000}
    return {"status": "Downloading", "progressDetail": detail, "progress": "[=>  ]", "id": layer}


def said(layer: str, status: str) -> dict:
    return {"status": status, "progressDetail": {}, "id": layer}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("lines", "progress"),
    [
        (BEGUN, "0 MB, 1 of 5 layers"),
        ([*BEGUN, downloading("a", 5, 40), downloading("b", 7, 100)], "12 MB, 1 of 5 layers"),
        ([*BEGUN, downloading("a", 5, 40), said("d", "Waiting")], "5 MB, 1 of 5 layers"),
        (
            [
                *BEGUN,
                downloading("a", 5, 40),
                downloading("b", 7, 100),
                downloading("c", 1, 10),
                said("d", "Download complete"),
            ],
            "13 of 150 MB, 1 of 5 layers",
        ),
        (
            [
                *BEGUN,
                *(downloading(layer, 1, 10) for layer in "abcd"),
                said("a", "Pull complete"),
                said("b", "Extracting"),
            ],
            "22 of 40 MB, 2 of 5 layers",
        ),
        ([*BEGUN, *(said(layer, "Pull complete") for layer in "abcd")], "0 of 0 MB, 5 of 5 layers"),
    ],
    ids=["begun", "some begun", "one waits", "all begun", "some whole", "all there"],
)
def test_progress_is_read_from_the_lines_of_a_pull(tmp_path, shell, lines, progress):
    (tmp_path / "install.log").write_text(
        "\r\n".join(json.dumps(line, separators=(",", ":")) for line in lines)
    )
    script = f"NODE={tmp_path}\n{FRAGMENT}\npull_by_api_progress"
    out, err = spawn(script, shell, tmp_path).communicate(timeout=30)
    assert (out.decode().strip().splitlines()[1:], err) == ([progress], b"")
