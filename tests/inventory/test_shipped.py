"""The files of the project: hosts.yml, the examples and the schema; and what `fab init` writes."""

import json
from pathlib import Path

import jsonschema
import pytest

from tasks.inventory import document, load, reference
from tasks.inventory.model import Defaults, HostEntry
from tasks.inventory.schema import json_schema
from tasks.inventory.templates import starter

TOP = Path(__file__).parents[2]
EXAMPLES = sorted(TOP.glob("examples/*.yml"))
SHIPPED = [TOP / "hosts.yml", *EXAMPLES]


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft7Validator.check_schema(json_schema())
    return jsonschema.Draft7Validator(json_schema())


def errors(validator, text):
    return [error.message for error in validator.iter_errors(document.parse(text).value)]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
class TestFiles:
    def test_it_loads_without_a_warning(self, path):
        assert load(path).warnings == ()

    def test_it_matches_the_schema(self, path, validator):
        assert errors(validator, path.read_text("utf-8")) == []

    def test_its_first_line_names_the_schema(self, path):
        kind, _, target = path.read_text("utf-8").partition("\n")[0].partition("=")
        assert kind == "# yaml-language-server: $schema"
        assert (path.parent / target).resolve() == TOP / "hosts.schema.json"


def test_hosts_yml_has_only_this_machine():
    cluster = load(TOP / "hosts.yml")
    assert [(host.host, host.connection, host.runtime) for host in cluster.hosts] == [
        ("localhost", "local", "uv")
    ]


def test_there_is_an_example_of_each_kind_of_cluster():
    expected = "air-gapped china-mirrors conda docker-bridge docker-host gpu jump-host mixed uv"
    assert " ".join(path.stem for path in EXAMPLES) == expected


class TestSchema:
    def test_the_committed_schema_is_up_to_date(self):
        assert json.loads((TOP / "hosts.schema.json").read_text("utf-8")) == json_schema()

    @pytest.mark.parametrize(
        "text",
        [
            "workers: []",
            "head: {user: me}",
            "head: a\nssh: {port: 70000}",
            "head: a\nsssh: {}",
            "head: a\nruntime: podman",
            "head: a\nray: {version: 2.6}",
            "head: a\nconda: {python: 3.10}",
            "head: a\nssh: {password: {env: A, prompt: true}}",
            "head: a\nray: {env: {'A B': x}}",
            "head: a\nworkers: [{host: b, memory: 16}]",
        ],
    )
    def test_it_refuses_what_loading_refuses(self, validator, text):
        assert errors(validator, text)

    def test_it_accepts_off_and_yes(self, validator):
        for word in ("off", "false"):
            assert (
                errors(validator, f"head: a\nssh: {{host_keys: {word}}}\nconda: {{accept_terms: yes}}") == []
            )


class TestReference:
    KEYS = reference.render().partition("**Values without quotes**")[0]

    def test_it_has_every_key_once_with_a_description(self):
        rows = [line.split(" | ") for line in self.KEYS.splitlines() if line.startswith("| `")]
        keys = [row[0].strip("| `") for row in rows]
        for section, field in Defaults.model_fields.items():
            for key in getattr(field.annotation, "model_fields", {}):
                path = f"{section}.{key}"
                assert keys.count(path) == 1 or {f"{path}.client", f"{path}.max"} & set(keys)
        assert set(HostEntry.model_fields) <= set(keys)
        assert not [row for row in rows if len(row) != 4 or not row[3].strip(" |") or "None" in "".join(row)]

    def test_types_and_defaults(self):
        text = reference.render()
        assert "| `ray.port` | port | `6379` | the head's GCS |\n" in text
        assert "| `ray.env` | mapping of name to text | `{}` |" in text
        assert "| `host` | host | required |" in text


class TestStarter:
    @pytest.mark.parametrize("runtime", ["uv", "docker", "conda"])
    @pytest.mark.parametrize(
        "hosts", [[], ["localhost"], ["10.0.0.1", "me@10.0.0.[2-4]:2222", "[::1]:22", "1e3"]]
    )
    def test_it_loads_and_matches_the_schema(self, cluster, validator, hosts, runtime):
        text = starter([(host, {}) for host in hosts], runtime)
        made = cluster(text)
        assert errors(validator, text) == []
        assert made.head.runtime == runtime and made.head.host == (hosts or ["localhost"])[0]
        assert made.head.connection == ("ssh" if len(hosts) > 1 else "local")
        assert len(made.workers) == (5 if len(hosts) > 1 else 0)

    def test_an_unknown_runtime_is_refused(self):
        with pytest.raises(KeyError):
            starter([("a", {})], "podman")
