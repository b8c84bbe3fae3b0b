"""The command lines of `fab submit` and `fab jobs`: what is refused before anything is connected, and what is meant."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from tasks.actions import job_flags
from tasks.actions.jobs import as_json, gone
from tasks.commandline import Mistake
from tasks.completion import jobs as ids
from tasks.completion.words import answer
from tasks.node.journal import Entry
from tasks.run.jobs import Found
from tests.script import samples

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas/jobs.json").read_text("utf-8"))


def needs(**given):
    return job_flags.needs(**{"cpus": None, "gpus": None, "memory": None, "labels": None, **given})


def test_what_the_entry_point_needs():
    assert needs() == {}
    assert needs(cpus="2", gpus="0.5", memory="1.5gb", labels=["zone=a", "kind = big"]) == {
        "entrypoint_num_cpus": 2,
        "entrypoint_num_gpus": 0.5,
        "entrypoint_memory": 3 << 29,
        "entrypoint_label_selector": {"zone": "a", "kind": "big"},
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gpus": "two"}, "--gpus: expected a number such as 2 or 0.5, got two"),
        ({"cpus": "0"}, "--cpus: expected a number such as 2 or 0.5, got 0"),
        ({"cpus": "-1"}, "--cpus: expected a number such as 2 or 0.5, got -1"),
        ({"memory": "much"}, "--memory: expected a size such as 4gb, got much"),
        ({"memory": "12"}, "--memory: expected a size such as 4gb, got 12"),
        ({"labels": ["zone"]}, "--label: expected KEY=VALUE, got zone"),
        ({"labels": ["=a"]}, "--label: expected KEY=VALUE, got =a"),
    ],
)
def test_needs_that_are_none(given, message):
    with pytest.raises(Mistake, match=re.escape(message)):
        needs(**given)


class TestVariables:
    def test_given_or_taken_from_here(self, monkeypatch):
        monkeypatch.setenv("HERE", "a secret")
        found = job_flags.variables(["A=b=c", "EMPTY=", "HERE"])
        assert {name: value.reveal() for name, value in found.items()} == {
            "A": "b=c",
            "EMPTY": "",
            "HERE": "a secret",
        }
        assert "secret" not in str(found) and "b=c" not in str(found)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (["NOT_HERE"], "--env NOT_HERE: there is no such variable here"),
            (["A=1", "A=2"], "--env: A is given twice"),
            (["a b=hidden"], "--env: a b is no name of a variable"),
            (["hidden!"], "--env: expected KEY=VALUE, or the name of a variable here"),
        ],
    )
    def test_mistakes_do_not_show_values(self, given, message):
        with pytest.raises(Mistake) as caught:
            job_flags.variables(given)
        assert message in str(caught.value.message) and "hidden" not in caught.value.message


@pytest.mark.parametrize(
    ("words", "flags", "message"),
    [
        (("stauts", None), {}, "jobs takes logs or stop, got stauts"),
        (("raysubmit_a1", None), {}, "fab jobs logs raysubmit_a1"),
        (("stop", None), {}, "jobs stop needs the id of a job"),
        (("stop", "--yse"), {}, "jobs has no flag --yse"),
        (("logs", "a b"), {}, "a b is no id of a job"),
        (("logs", "a"), {"--json": True}, "--json belongs to the list of jobs"),
        ((None, None), {"--follow": True}, "--follow belongs to jobs logs"),
        (("logs", "a"), {"--yes": True}, "--yes belongs to jobs stop"),
    ],
)
def test_words_that_mean_nothing(words, flags, message):
    with pytest.raises(Mistake) as caught:
        job_flags.check_words(*words, flags)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["jobs"], "/none: there is no such file"),
        (["jobs", "--all"], "/none: there is no such file"),
        (["jobs", "stop", "raysubmit_1"], "/none: there is no such file"),
        (["jobs", "--follow", "logs", "raysubmit_1"], "/none: there is no such file"),
        (["jobs", "stop"], "jobs stop needs the id of a job"),
        (["jobs", "status"], "jobs takes logs or stop, got status"),
        (["jobs", "--help"], "Usage: fab jobs [WHAT] [JOB] [--flags]"),
    ],
)
def test_words_after_the_task_are_its_own(real, typed, said):
    """`stop` and `status` are tasks, too; here they are none. A word that is left out is none either."""
    done = real(*typed, *([] if "--help" in typed else ["--hosts-file", "/none"]))
    assert said in done.out + done.err
    assert done.status == (0 if "--help" in typed else 2)


def test_what_json_prints_is_as_published():
    jobs = [
        Entry("a", "FAILED", "python a.py", "me@here", 1.5, 2.5, "exit", 3, "10.0.0.1", True),
        Entry("b", "LOST"),
    ]
    for problem in ("", "Ray does not run on the head"):
        jsonschema.validate(as_json("lab", Found(jobs, problem)), SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(as_json("lab", Found([Entry("b", "GONE")])), SCHEMA)


@pytest.mark.parametrize(
    ("role", "node", "said"),
    [
        ("head", "", "is gone from head: ray.logs keeps 14 days and 5gb of logs"),
        ("head", "10.0.0.1", "is gone from head: ray.logs keeps 14 days and 5gb of logs"),
        ("head", "10.9.9.9", "5gb of logs; it ran on 10.9.9.9"),
        ("worker", "10.0.0.2", "is gone from one: ray.logs keeps 14 days and 5gb of logs"),
    ],
)
def test_a_log_that_is_gone(role, node, said):
    assert gone(Entry("a", node=node), "a", samples.host(role)).endswith(said)


def test_a_log_of_no_job():
    assert gone(None, "a", samples.host("head")) == "there is no job a, and no log of one"


class TestCompletion:
    def test_of_the_ids_that_the_last_command_saw(self, monkeypatch, tmp_path):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        file = str(tmp_path / "hosts.yml")
        assert ids.known(file) == []
        ids.remember(file, [f"j{number}" for number in range(60)])
        assert ids.known(file)[:2] == ["j59", "j58"] and len(ids.known(file)) == 50
        assert ids.known(str(tmp_path / "other.yml")) == []

    def test_in_the_place_of_the_id(self):
        def flag(name, of):
            return {
                "names": [f"--{name}"],
                "value": of,
                "positional": True,
                "optional": False,
                "again": False,
            }

        flags = [flag("what", {"is": "choice", "of": ["logs", "stop"]}), flag("job", {"is": "job"})]
        table = {"tasks": {"jobs": {"help": "", "flags": flags}}, "core": []}
        found = answer(table, ["jobs"], "", list, lambda: ["a", "b"])
        assert [text for text, _ in found.items] == ["logs", "stop"]
        found = answer(table, ["jobs", "logs"], "", list, lambda: ["a", "b"])
        assert (found.title, [text for text, _ in found.items]) == ("job", ["a", "b"])
