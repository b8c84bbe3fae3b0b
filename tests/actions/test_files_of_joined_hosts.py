"""A host that joins is told which files the others have got by `fab sync` from this machine."""

from __future__ import annotations

import json

from tasks.actions import syncing
from tests.phases.conftest import fleet, world  # noqa: F401

COPY = "sync /home/me/data:/data/mine"


def remembered(folder, *entries):
    (folder / "rayfab").mkdir()
    lines = [
        {"cluster": "lab", "status": 0, "when": "2026-11-27T10:00:00+0000", "failed": {}, **entry}
        for entry in entries
    ]
    (folder / "rayfab" / "audit.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))


def test_the_copies_that_went_well_each_once_the_last_ones_last(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    remembered(
        tmp_path,
        {"what": COPY},
        {"what": "sync /a:/b"},
        {"what": "sync /no:/no", "status": 1},
        {"what": "sync /c:/d", "cluster": "other"},
        {"what": "deploy-cluster"},
        {"what": COPY, "when": "2026-11-28T10:00:00+0000"},
    )
    assert syncing.earlier("lab") == [
        {"what": "sync /a:/b", "when": "as on 2026-11-27"},
        {"what": COPY, "when": "as on 2026-11-28"},
    ]


def test_a_damaged_log_is_no_reason_to_fail(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "rayfab").mkdir()
    (tmp_path / "rayfab" / "audit.jsonl").write_text("{broken\n")
    assert syncing.earlier("lab") == []


def test_the_command_names_the_new_hosts_and_can_be_pasted(fleet, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    remembered(tmp_path, {"what": COPY})
    run = fleet.make(limit=frozenset(["two"]))
    run.did(run.chosen()[0], "started")
    syncing.tell_joined(run)
    assert "fab sync" in fleet._file.getvalue()
    assert f"{COPY.partition(' ')[2]} --limit two" in fleet._file.getvalue()
