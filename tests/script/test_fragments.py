"""Fragments say truly what they need and read; a script that lacks something is refused when it is made."""

from __future__ import annotations

import re
from typing import ClassVar

import pytest

from tasks.node.supervisors import windows_task
from tasks.script import powershell, script
from tasks.script.files import beginning, files
from tasks.script.fragments import PS, SH, ScriptError, complete, fragment, parse
from tests.golden import kinds, windows_kinds
from tests.script.sources import fed_sh, read_ps1, read_sh

READ = {SH: read_sh, PS: read_ps1}
ALL = [(name, kind) for kind in (SH, PS) for name in sorted(files(kind))]
SECRETS = {"RF_SUDO", "RF_TOKEN", "RF_SEED", "RF_REGISTRY", "RF_JOB_ENV"}
# what a fragment may read that neither a fragment nor a value sets: the environment of a login, and the answer's mark
AROUND = {
    SH: {"HOME", "PATH", "PPID", "SHELL", "SSH_CONNECTION", "XDG_RUNTIME_DIR"}
    | {
        "NO_PROXY",
        "no_proxy",
        "SSL_CERT_FILE",
        "CONDA_EXE",
        "MAMBA_EXE",
        "DOCKER_CONFIG",
        "DOCKER_HOST",
        "RF_MARK",
        *SECRETS,
    },
    PS: {"_", "null", "true", "false", "matches"},
}
# set by `eval`, or by a fragment that only the caller names
BY_EVAL = {
    ("follow", SH): {"rf_from"},
    # set by the fragment conda_name, where the node runs from conda
    ("outside_conda", SH): {"rf_env_name"},
    ("outside_conda", PS): {"condaname"},
}


def source(name: str, kind: str):
    return READ[kind](files(kind)[name].read_text("utf-8"))


def needed(name: str, kind: str) -> set[str]:
    """What a fragment has around it: all that comes before it, whatever the caller names."""
    found = fragment(name, kind)
    named = found.one_of[:1]
    return {other.name for other in complete(kind, (name,), named)} | set(found.one_of)


def owners(kind: str) -> dict[str, set[str]]:
    """The fragments that define each function."""
    out: dict[str, set[str]] = {}
    for name in files(kind):
        for function in source(name, kind).functions:
            out.setdefault(function, set()).add(name)
    return out


def values_read(name: str, kind: str) -> set[str]:
    found = source(name, kind)
    if kind == PS:
        return (
            {v.upper()[3:] for v in found.reads if v.startswith("rf_")} - {s[3:] for s in SECRETS} - {"MARK"}
        )
    known = {value for other in files(SH) for value in fragment(other).values}
    for make in kinds.SCRIPTS.values():
        known |= set(make().values)
    return (found.reads | found.lists) & known


class TestADeclarationIsTrue:
    @pytest.mark.parametrize(("name", "kind"), ALL)
    def test_every_function_that_is_called_is_there(self, name, kind):
        found, around = source(name, kind), needed(name, kind)
        defined = owners(kind)
        called = {c for c in found.calls if c in defined and c not in found.functions}
        assert {c for c in called if not defined[c] & around} == set()

    @pytest.mark.parametrize(("name", "kind"), ALL)
    def test_every_variable_that_is_read_is_set(self, name, kind):
        found = source(name, kind)
        known = AROUND[kind] | BY_EVAL.get((name, kind), set()) | set(fragment(name, kind).values)
        known |= found.sets.union(*(source(other, kind).sets for other in needed(name, kind)))
        prefix = ("rf_", "env:") if kind == PS else ()
        free = {v for v in found.reads - known if not v.isdigit() and not v.startswith(prefix)}
        assert free == set()

    @pytest.mark.parametrize(("name", "kind"), ALL)
    def test_it_needs_nothing_that_it_does_not_use(self, name, kind):
        found = source(name, kind)
        used = found.calls | found.reads - found.sets
        spare = [
            other
            for other in fragment(name, kind).needs
            # of those that are found by the beginning of their names, functions are called by what a host answers
            if not other.endswith("*")
            and not used & (source(other, kind).functions | source(other, kind).sets)
        ]
        assert spare == []

    @pytest.mark.parametrize(("name", "kind"), ALL)
    def test_its_values_are_those_that_it_reads(self, name, kind):
        assert set(fragment(name, kind).values) == values_read(name, kind)

    @pytest.mark.parametrize("name", sorted(files(SH)))
    def test_what_reads_standard_input_is_called_so_that_it_gets_it(self, name):
        """as_root and dk have none, with a password for sudo and without: as_root_in and dk_in hand it on."""
        assert fed_sh(files(SH)[name].read_text("utf-8")) & {"as_root", "dk"} == set()

    def test_a_function_has_one_definition(self):
        """Unless the caller chooses which: then one fragment says `one of`."""
        choices = [set(fragment(name, kind).one_of) for name, kind in ALL]
        bodies = {
            name for s in (*kinds.SCRIPTS.values(), *windows_kinds.SCRIPTS.values()) for name in s().body
        }
        for kind in (SH, PS):
            for function, names in owners(kind).items():
                # what a body defines is its own
                assert len(names - bodies) <= 1 or names in choices, function

    def test_the_sources_are_understood(self):
        """What the tests above stand on."""
        sh = read_sh(
            'f() { g "$A" "${B-}" $((C + 1)); }\nwith_list run_it x\nfor n in 1; do read -r D <<E\n$H\nE\ndone'
        )
        assert sh.functions == {"f"} and {"g", "run_it", "read"} <= sh.calls and "x" not in sh.calls
        assert fed_sh("a | b x 2>&1\nc <f\nd <<E\nE\ne >f\nf | { g; }") == {"b", "x", "c", "d"}
        assert sh.lists == {"LIST"} and {"n", "D"} <= sh.sets and {"A", "B", "C", "H"} <= sh.reads
        ps1 = read_ps1("function One($a) { return (Two $RF_B) + $script:C }\n$D = 1\nforeach ($e in $F) { }")
        assert ps1.functions == {"one"} and "two" in ps1.calls
        assert {"a", "d", "e"} <= ps1.sets and {"rf_b", "c", "f"} <= ps1.reads


class TestFunctionsThatAreCalledByName:
    """On Windows ``& (NAME + 'Does')``: every fragment that is found by its name defines every function of these."""

    CALLED = re.compile(r"& \((\(NodeService\)|\$name) \+ '(\w+)'\)")
    PREFIXES: ClassVar = {"(NodeService)": "kind_", "$name": "outside_"}

    def called(self) -> dict[str, set[str]]:
        out: dict[str, set[str]] = {}
        for path in files(PS).values():
            for by, what in self.CALLED.findall(path.read_text("utf-8")):
                out.setdefault(self.PREFIXES[by], set()).add(what.lower())
        return out

    def test_nothing_else_is_called_so(self):
        texts = {name: path.read_text("utf-8") for name, path in files(PS).items()}
        assert {
            name for name in texts if texts[name].count("& ") != len(self.CALLED.findall(texts[name]))
        } == set()

    @pytest.mark.parametrize("prefix", ["kind_", "outside_"])
    def test_each_of_them_defines_all(self, prefix):
        called = self.called()[prefix]
        assert called and beginning(PS, prefix)
        for name in beginning(PS, prefix):
            own = name.removeprefix(prefix)
            assert {own + what for what in called} <= source(name, PS).functions, name

    def test_where_no_node_is(self):
        """What runs without a node, too: facts and logs."""
        assert {"noneactive", "nonelastlog"} <= source("node", PS).functions

    def test_every_kind_of_windows_is_there(self):
        """A runtime's own kind bears its name; the names of those that leave something outside are the same for all."""
        assert beginning(PS, "kind_") == ("kind_docker", *(f"kind_{kind}" for kind in windows_task.KINDS))
        assert beginning(PS, "outside_") == beginning(SH, "outside_")


class TestAScriptIsCompleted:
    def test_each_fragment_comes_once_and_after_what_it_needs(self):
        for made in kinds.SCRIPTS.values():
            made = made()
            order = [found.name for found in complete(SH, made.body, made.named)]
            assert order[0] == "lib" and len(set(order)) == len(order)
            for at, name in enumerate(order):
                assert {need for need in fragment(name).needs if not need.endswith("*")} <= set(order[:at])
            needs = {need for name in made.body for need in fragment(name).needs}
            assert {need for need in needs if not need.endswith("*")} <= set(order)

    def test_a_caller_names_only_what_runs(self):
        made = script.render("stop Ray", "stop", {"CLUSTER": "lab", "KINDS": ""})
        kinds_of_service = ["kind_docker", "kind_launchd", "kind_loop", "kind_systemd"]
        order = ["lib", "docker", *kinds_of_service, "node", "there"]
        assert [found.name for found in complete(SH, made.body)] == order
        for name in (*order, "stop"):
            assert made.text.count(fragment(name).text) == 1

    def test_the_header_stays_here(self):
        made = script.render("stop Ray", "stop", {"CLUSTER": "lab", "KINDS": ""})
        for text in (made.text, powershell.text_of(made)):
            assert "# needs:" not in text and "# values:" not in text and "shell=sh" not in text

    def test_values_that_only_windows_reads_stay_away_from_posix(self, own_fragments):
        own_fragments.write("sh/own.sh", "# needs: lib\n# values: A\nemit a $A\n")
        own_fragments.write("ps/own.ps1", "# needs: lib\n# values: B\nEmit 'b' $RF_B\n")
        made = script.render("try", "own", {"CLUSTER": "lab", "A": "here", "B": "there"})
        assert "\nA=here\n" in made.text and "\nB=" not in made.text
        assert "$RF_B = 'there'" in powershell.text_of(made) and "$RF_A" not in powershell.text_of(made)

    def test_a_fragment_may_be_in_any_room(self, own_fragments):
        own_fragments.write("runtimes/toy/sh/other.sh", "true\n")
        own_fragments.write("sh/own.sh", "# needs: other\ntrue\n")
        assert [found.name for found in complete(SH, ("own",))] == ["lib", "other"]


class TestAScriptIsRefused:
    """When it is made, with the script, the fragment and what is wrong."""

    def refused(self, body, values=(), **more) -> str:
        with pytest.raises(ScriptError) as caught:
            script.render("try it", body, {"CLUSTER": "lab", **dict.fromkeys(values, "x")}, **more)
        return str(caught.value)

    def test_for_an_unknown_fragment(self):
        assert self.refused("nonsuch") == "the script 'try it': there is no fragment nonsuch.sh"

    def test_for_one_that_a_fragment_needs_and_nobody_has(self, own_fragments):
        own_fragments.write("sh/own.sh", "# needs: lib gone\ntrue\n")
        said = self.refused("own")
        assert said == "the script 'try it': there is no fragment gone.sh, which own needs"

    def test_for_one_that_only_another_system_has(self, own_fragments):
        own_fragments.write("sh/own.sh", "true\n")
        own_fragments.write("ps/own.ps1", "# needs: node_logs\n$null = 0\n")
        said = self.refused("own")
        assert said == "the script 'try it': there is no fragment node_logs.ps1, which own needs"

    def test_for_a_circle(self, own_fragments):
        own_fragments.write("sh/one.sh", "# needs: two\ntrue\n")
        own_fragments.write("sh/two.sh", "# needs: three\ntrue\n")
        own_fragments.write("sh/three.sh", "# needs: two\ntrue\n")
        said = self.refused("one")
        assert said == "the script 'try it': the fragments go in a circle: two needs three needs two"

    def test_for_a_fragment_that_needs_what_runs(self, own_fragments):
        own_fragments.write("sh/own.sh", "# needs: stop\ntrue\n")
        said = self.refused(("own", "stop"))
        assert said == "the script 'try it': the fragment own needs stop, which is a part of the body"

    def test_for_a_missing_value(self):
        said = self.refused("install_now", ["UV_VERSION", "ENV_ID"])
        assert said == "the script 'try it': envs_made.sh reads OWNERS, which has no value"

    def test_for_a_value_that_only_windows_lacks(self, own_fragments):
        own_fragments.write("sh/own.sh", "true\n")
        own_fragments.write("ps/own.ps1", "# values: MORE\nEmit 'a' $RF_MORE\n")
        assert self.refused("own") == "the script 'try it': own.ps1 reads MORE, which has no value"

    def test_for_a_value_that_nothing_reads(self):
        assert (
            self.refused("stop", ["KINDS", "HOLDER"])
            == "the script 'try it': no fragment reads the value HOLDER"
        )

    @pytest.mark.parametrize("named", [(), ("engine_apt", "engine_dnf")])
    def test_for_a_choice_that_is_not_made(self, named):
        said = self.refused("engine_install", named=named)
        assert said == (
            "the script 'try it': the fragment engine_install needs exactly one of "
            "engine_apt, engine_dnf, engine_pacman, engine_zypper"
        )

    def test_for_two_fragments_of_one_name(self, own_fragments):
        own_fragments.write("more/sh/stop.sh", "true\n")
        with pytest.raises(ValueError, match=r"two files are called stop\.sh: in .*/more/sh and in .*/sh"):
            script.render("stop Ray", "stop", {"CLUSTER": "lab", "KINDS": ""})


def test_a_header_ends_where_the_code_begins():
    found = parse("try", "#!/bin/sh\n# needs: lib\n# About it.\n# values: A B\ntrue\n# values: C\n")
    assert (found.needs, found.values) == (("lib",), ("A", "B"))
    assert found.text == "# About it.\ntrue"
