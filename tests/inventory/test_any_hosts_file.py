"""Any hosts file is a Cluster or an InventoryError, and neither shows a secret."""

import contextlib
import json
import random
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.inventory import Cluster, InventoryError, load
from tasks.inventory.edit import EditError, add_worker, remove_worker
from tasks.inventory.loader import parse
from tasks.inventory.model import HostEntry, HostsFile
from tasks.inventory.sections import models_in

PATH = Path("hosts.yml")
TOP = Path(__file__).parents[2]
SEEDS = [path.read_text("utf-8") for path in (TOP / "hosts.yml", *sorted(TOP.glob("examples/*.yml")))]
SECRET = "hUnTeR2-pAsS"
# no deadline, because a busy machine is slow; the examples of a test can share tmp_path
calm = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def outcome(text):
    try:
        made = parse(text, PATH)
    except InventoryError as error:
        lines = str(error).splitlines()
        assert len(lines) == len(error.problems) > 0
        assert all(line.startswith("hosts.yml:") and line.isprintable() for line in lines)
        return error
    assert isinstance(made, Cluster) and made.hosts[0].role == "head"
    return made


@given(st.binary(max_size=300))
@calm
def test_any_bytes_load_or_give_problems(tmp_path, content):
    path = tmp_path / "hosts.yml"
    path.write_bytes(content)
    try:
        load(path)
    except InventoryError as error:
        assert error.problems


@given(st.text(st.sampled_from("ab:- \n\t[]{}&*!|>'\"%#,?@`~0.<\\\r\u2028é"), max_size=60))
@calm
def test_any_yaml_like_text(text):
    outcome(text)
    outcome(f"head: a\nworkers:\n  - {text}\n")


@given(st.sampled_from(SEEDS), st.integers(0), st.integers(0, 30), st.text(max_size=5))
@calm
def test_a_valid_file_with_a_piece_replaced(text, at, length, piece):
    at %= len(text)
    outcome(text[:at] + piece + text[at + length :])


def paths(model, prefix=()):
    """Every key of a hosts file, as a path of keys."""
    for key, field in model.model_fields.items():
        yield (*prefix, key)
        for inner in models_in(field.annotation):
            yield from paths(
                inner, (*prefix, key) if inner is not HostEntry or key == "head" else (*prefix, key, 0)
            )


PATHS = sorted(set(paths(HostsFile)), key=str)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        ["10.0.0.[1-3]", "a[1-2]", "8gb", "auto", "2.60.0", "~/x", "http://x", "-x", "a@b:1", "off"]
    )
)
keys = st.text(max_size=8) | st.sampled_from(sorted({str(path[-1]) for path in PATHS}))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


def put(document, path, value):
    for key, following in pairwise(path):
        if isinstance(key, int):
            while len(document) <= key:
                document.append({"host": f"w{len(document)}"})
        elif not isinstance(document.get(key), (dict, list)):
            document[key] = [] if isinstance(following, int) else {"host": key} if key == "head" else {}
        document = document[key]
    document[path[-1]] = value


@given(st.lists(st.tuples(st.sampled_from(PATHS), values), min_size=1, max_size=4))
@settings(calm, max_examples=300)
def test_any_values_at_known_keys(placed):
    document = {"head": {"host": "h"}}
    for path, value in placed:
        # an earlier value can be where this path needs a mapping
        with contextlib.suppress(TypeError, AttributeError, KeyError, IndexError):
            put(document, path, value)
    made = outcome(json.dumps(document))
    if isinstance(made, Cluster):
        assert Cluster.model_validate(dict(made)) == made


inside_a_password = st.recursive(
    st.just(SECRET) | st.integers(-5, 5) | st.none() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([SECRET, "prompt", f"{SECRET} x", "", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
password_paths = st.sampled_from([path for path in PATHS if path[-1] in ("password", "sudo_password")])


@given(password_paths, inside_a_password, st.sampled_from(["json", "yaml"]))
@calm
def test_values_inside_a_password_are_never_shown(path, value, style):
    document = {"head": {"host": "h"}}
    put(document, path, value)
    seen = outcome(json.dumps(document) if style == "json" else yaml.safe_dump(document))
    shown = str(seen) + repr(seen) + repr(getattr(seen, "problems", ""))
    if isinstance(seen, Cluster):
        shown += seen.model_dump_json() + str(seen.model_dump()) + "".join(seen.warnings)
    assert SECRET not in shown


@given(
    st.sampled_from(
        ["!{0} x", "*{0}", "&{0} [x", "'{0}", '"{0}', "%{0}", "|{0}", "[{0}", "{{{0}", "@{0}", "{0}: x: y"]
    )
)
@calm
def test_invalid_yaml_at_a_password_does_not_show_it(form):
    text = f"head: h\nssh:\n  password: {form.format(SECRET)}\n  user: me\n"
    seen = outcome(text)
    assert isinstance(seen, InventoryError) and SECRET not in str(seen)


SAMPLES = [*SEEDS, *(text.replace("\n", "\r\n") for text in SEEDS), *(text.rstrip("\n") for text in SEEDS)]


@given(st.sampled_from(SAMPLES), st.sampled_from(["new.lab", "me@10.9.9.9:22", "新机"]), st.booleans())
@settings(calm, max_examples=60)
def test_adding_and_removing_a_worker_restores_the_same_bytes(tmp_path, text, host, fields):
    path = tmp_path / "hosts.yml"
    path.write_bytes(text.encode())
    add_worker(path, host, **({"cpus": 2, "labels": {"zone": "a"}} if fields else {}))
    assert path.read_bytes() != text.encode()
    remove_worker(path, load(path).workers[-1].name)
    assert path.read_bytes() == text.encode()


@pytest.mark.parametrize("seed", range(10))
def test_workers_can_be_removed_in_any_order(tmp_path, seed):
    path = tmp_path / "hosts.yml"
    for text in SEEDS:
        path.write_text(text, encoding="utf-8")
        left = [host.name for host in load(path).workers]
        random.Random(seed).shuffle(left)
        while left:
            gone = left.pop()
            remove_worker(path, gone)
            assert sorted(host.name for host in load(path).workers) == sorted(left)
            with pytest.raises(EditError):
                remove_worker(path, gone)
