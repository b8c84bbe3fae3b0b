"""The scripts for Windows: read by PowerShell's real grammar; no value ever runs as code."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.inventory import Secret
from tasks.script import files
from tasks.script import powershell as windows
from tasks.script.fragments import PS, SH, ScriptError, complete, fragment
from tasks.ssh import windows as wire
from tests.golden import kinds
from tests.golden.windows_kinds import FILES, SCRIPTS
from tests.script.samples import WORST
from tests.standins.windows.dotnet import words_of
from tests.standins.windows.interpreter import Shell
from tests.standins.windows.syntax import literal, mistakes, parse
from tests.standins.windows.values import PSError, Unsupported

# what runs only on systems that are not Windows
POSIX_ONLY = {"settle", "uv_env", "store_serve", "store_clean", "engine_install", "service_up", "head_kill"}
POSIX_ONLY |= {"env_lock", "kept_read", "kept_settle", "try_env"}
POSIX_ONLY |= {f"image_{name}" for name in ("cut", "serve", "pieces", "fetch", "clean")}
POSIX_ONLY |= {"health", "health_fix", "speed", "burn"}
POSIX_ONLY |= {"logs_pick", "collect", "host_command"}
POSIX_ONLY |= {"jobs", "job_log", "hook", "metrics_up", "metrics_down", "metrics_boards"}
POSIX_ONLY |= {f"sync_{name}" for name in ("look", "fetch", "serve", "apply", "clean")}
QUOTES = "'\u2018\u2019\u201a\u201b\u201c\u201d"
SIGNS = ' \t\n\r"`$(){}[]<>;&|\\!*?~#%=-_+.,:/@^aZ0é中🙂' + QUOTES
values = st.one_of(st.sampled_from(WORST), st.text(alphabet=SIGNS, max_size=25))
few = settings(max_examples=150, deadline=None)


def assignments(text: str) -> dict[str, object]:
    """What each line that sets `$RF_...` at the top of a script says, out of the tree of the grammar."""
    shell = Shell({}, {})
    body = next(child for child in parse(text).named_children if child.type == "statement_list")
    for statement in body.named_children:
        if statement.type == "pipeline" and statement.text.startswith(b"$RF_"):
            shell.statement(statement)
    return {name: value for name, value in shell.scopes[0].items() if name.startswith("rf_")}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_grammar_finds_no_mistake(name):
    assert mistakes(parse(windows.text_of(SCRIPTS[name]()))) == []


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".ps1")])
def test_the_grammar_finds_no_mistake_in_a_file(name):
    assert mistakes(parse(FILES[name]())) == []


def test_the_grammar_finds_one_where_there_is_one():
    for wrong in ("if ($a) { Emit 'x'", "foreach ($a) { }", "$a = @('b'", "'open"):
        with pytest.raises(PSError):
            parse(wrong)


def test_what_runs_on_one_system_is_there_for_the_other():
    there = {name for make in kinds.SCRIPTS.values() for name in make().body}
    here = {name for make in SCRIPTS.values() for name in make().body}
    assert there - here == POSIX_ONLY
    assert here - there == {"task_up"}


@pytest.mark.parametrize("path", files.files(PS).values(), ids=lambda p: p.stem)
def test_a_fragment_never_sets_a_value(path):
    """Names do not mind upper and lower case there: a fragment's own could hide what was handed over."""
    text = path.read_text("utf-8")
    assert re.findall(r"(?i)\$rf_\w+\s*=", text) == []
    assert text.isascii()


@pytest.mark.parametrize("path", files.files(PS).values(), ids=lambda p: p.stem)
def test_a_fragment_is_for_windows_powershell_5(path):
    code = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|#.*", "", path.read_text("utf-8"))
    assert re.findall(r"\?\?|&&|\|\||\?\.|\? ", code) == []


class TestAFunctionCalledByName:
    """The operator ``&`` of the stand-in."""

    SOURCE = "function OneActive($a, $b) { return $b + $a }\nfunction One { return 'one' }\n"

    def shell(self, more: str) -> Shell:
        shell = Shell({}, {})
        assert shell.run(self.SOURCE + more + "\n") == 0
        return shell

    @pytest.mark.parametrize("name", ["((One) + 'Active')", "('ONE' + 'active')", "'oneActive'"])
    def test_gets_its_arguments(self, name):
        shell = self.shell(f"$got = & {name} 'x' @('-y', 'z w')")
        assert shell.scopes[0]["got"] == ["-y", "z w", "x"]

    def test_has_its_output_returned(self):
        assert self.shell("function Two { return & ('On' + 'e') }\n$got = Two").scopes[0]["got"] == "one"

    def test_that_does_not_exist_is_an_error_that_can_be_caught(self):
        shell = self.shell("try { & ('Two' + 'Active') } catch { $got = [string]$_ }")
        assert shell.scopes[0]["got"].startswith(
            "The term 'TwoActive' is not recognized as the name of a cmdlet"
        )

    def test_a_program_is_not_run(self):
        with pytest.raises(Unsupported):
            self.shell(r"& 'C:\Windows\cmd.exe'")


@few
@given(single=values, listed=st.lists(values, max_size=5), flag=st.booleans(), number=st.integers())
def test_values_come_through(single, listed, flag, number):
    given_ = {"A": single, "B": listed, "C": flag, "D": number, "E": None}
    text = "\n".join(windows.assignment(name, value) for name, value in given_.items()) + "\n"
    assert mistakes(parse(text)) == []
    found = assignments(text)
    assert found == {
        "rf_a": single,
        "rf_b": listed,
        "rf_c": "1" if flag else "",
        "rf_d": str(number),
        "rf_e": "",
    }


@few
@given(values)
def test_both_sides_quote_alike(value):
    assert windows.quote(value) == wire.quote(value)
    assert literal(windows.quote(value)) == value


def test_a_nul_is_refused():
    for quote in (windows.quote, wire.quote):
        with pytest.raises(ValueError, match="NUL"):
            quote("a\0b")


@few
@given(st.lists(values, max_size=6))
def test_arguments_of_a_command_line_come_through(listed):
    """Windows hands a program one line; the program takes it apart."""
    shell = Shell({"?": lambda owner, name: None}, {})
    lines = fragment("lib", PS).text.split("# Quotes one argument")[1].split("# Starts a program")[0]
    shell.run("# " + lines)
    quoted = [shell.call(shell.functions["quoteargument"], [word])[0] for word in listed]
    assert words_of(" ".join(quoted)) == listed


class TestTheWayThere:
    def test_the_command_is_the_bootstrap_encoded(self):
        encoded = wire.COMMAND.rpartition(" ")[2]
        assert base64.b64decode(encoded, validate=True).decode("utf-16-le") == wire.BOOTSTRAP

    def test_the_command_fits_into_cmd_and_needs_no_quoting(self):
        assert len(wire.COMMAND) < 8191
        assert re.fullmatch(r"[A-Za-z0-9 .=/+-]+", wire.COMMAND)

    def test_powershell_leaves_stdin_alone(self):
        """It reads stdin itself as soon as a command names $input."""
        assert "$input" not in wire.BOOTSTRAP.lower()

    @few
    @given(values, values)
    def test_what_is_sent_has_its_length_in_utf_16(self, script, secret):
        sent = wire.wrap(f"Emit {windows.quote(script)}", "rf0", {"RF_TOKEN": Secret(secret)})
        length, _, text = sent.decode().partition("\n")
        assert int(length) == len(text.encode("utf-16-le")) // 2
        assert assignments(text)["rf_token"] == secret

    @pytest.mark.parametrize(
        ("version", "system"),
        [
            ("SSH-2.0-OpenSSH_for_Windows_9.5", True),
            ("SSH-2.0-OpenSSH_for_Windows_8.1p1 Microsoft", True),
            ("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3", False),
            ("", False),
        ],
    )
    def test_windows_is_known_by_its_server(self, version, system):
        assert wire.is_windows(version) is system


def test_no_script_for_what_windows_cannot_do():
    with pytest.raises(ScriptError, match=r"there is no fragment uv_env\.ps1"):
        windows.text_of(kinds.SCRIPTS["install-uv"]())


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_same_answer_as_on_posix(name):
    """The keys of the answer that the phases read, said by both renderings, but for what no Windows host has."""
    script = SCRIPTS[name]()
    own = re.compile(r"(?:emit|emit_text|Emit|EmitText) '?([a-z:_]+)'?(?= |$)", re.MULTILINE)

    def keys(ending):
        names = [*(found.name for found in complete(ending, script.body)), *script.body]
        # every script about a node has the functions of all kinds of service
        names = [name for name in names if not name.startswith("kind_")]
        return {key for name in names for key in own.findall(fragment(name, ending).text)}

    try:
        posix, here = keys(SH), keys(PS)
    except ScriptError:
        assert set(script.body) == {"task_up"}
        return
    only_posix = {
        "metrics",
        "id",
        "boot_id",
        "gpu_hook",
        "shell",
        "libc",
        "systemd",
        "tmp_ray_foreign",
        "user_systemd",
        "sudo",
        "sudo_says",
        "python",
        "cluster_here",
        *("node", "home_files", "home_host"),
    }
    # of Linux or of a Mac
    only_posix |= {"engine_nofile", "gpu_cdi", "docker_app", "docker_via"}
    only_posix |= {"ifconfig", "fib", "route", "netstat", "ray_ps", "tool"}
    # of Linux's folders, limits and libraries
    only_posix |= {"cleaner", "inodes", "limit_files", "limit_processes", "long_bit", "mount", "musl"}
    only_posix |= {"engine_tmp", "hung", "ray_lost", "temp_foreign", "temp_near", "temp_writable", "warning"}
    only_posix |= {"spill_near", "spill_writable"}
    # of processes, which a Windows host shows in another way
    only_posix |= {"ray_container", "raylet", "raylets_read"}
    # a boot of Windows clears no folder
    only_posix |= {"kept"}
    # the state of a head, which Ray keeps on Linux, and its journal of jobs
    only_posix |= {"store", "engine_root", "kept_for", "job"}
    only_posix |= {"note"} if script.body == ("docker_up",) else set()
    assert posix - here - only_posix == set()
