"""What goes into the far shell, and how its output is read."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.inventory.secret import Secret
from tasks.script import protocol
from tasks.script.answer import Tail
from tasks.script.protocol import Reader, Scrubber

MARK = "rf0123456789abcdef"


def read(*stdout: bytes, stderr: bytes = b"", secrets=(), **callbacks):
    reader = Reader(MARK, Scrubber(secrets), **callbacks)
    for data in stdout:
        reader.stdout(data)
    reader.stderr(stderr)
    return reader.close(0)


def test_values_texts_and_chatter_are_separated():
    answer = read(
        f"hello\n{MARK} kv os Debian 12\n{MARK} kv ip 10.0.0.1\n{MARK} kv ip 10.0.0.2\n"
        f"{MARK} text log   indented\n{MARK} text log \nbye\n{MARK} kv empty \n{MARK} end 0\n".encode()
    )
    assert answer.ok
    assert answer.values == {"os": "Debian 12", "ip": "10.0.0.2", "empty": ""}
    assert answer.all["ip"] == ["10.0.0.1", "10.0.0.2"]
    assert answer.texts == {"log": ["  indented", ""]}
    assert answer.chatter == "hello\nbye\n"


@given(st.lists(st.integers(1, 40), max_size=20))
def test_where_the_stream_is_cut_makes_no_difference(cuts):
    data = f"noise\n{MARK} kv name zhōng 中文\r\n{MARK} step go\n{MARK} end 0".encode()
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(data[at : at + cut])
        at += cut
    steps = []
    answer = read(*pieces, data[at:], on_step=steps.append)
    assert (answer.ok, answer.values["name"], answer.chatter, steps) == (
        True,
        "zhōng 中文",
        "noise\n",
        ["go"],
    )


def test_a_start_up_file_that_prints_no_newline_hides_nothing():
    answer = read(f"Welcome! {MARK} kv a b\n{MARK} end 0\n".encode())
    assert answer.values == {"a": "b"}
    assert answer.chatter == "Welcome! \n"


def test_steps_come_before_the_end():
    steps = []
    reader = Reader(MARK, on_step=steps.append)
    reader.stdout(f"{MARK} step installing uv\n{MARK} st".encode())
    assert steps == ["installing uv"]
    assert reader.step == "installing uv"


def test_an_error_message_of_the_script():
    answer = read(f"{MARK} kv error no disk\n{MARK} kv hint free some\n{MARK} end 4\n".encode())
    assert (answer.ok, answer.status, answer.error, answer.hint) == (False, 4, "no disk", "free some")


def test_a_failure_without_an_error_message_is_explained_by_stderr():
    assert (
        read(f"{MARK} end 2\n".encode(), stderr=b"a\nb\nc\nd\n").error
        == "the script ended with status 2: b | c | d"
    )


def test_a_script_without_its_end_is_a_failure_even_with_status_0():
    answer = read(f"{MARK} kv a b\n".encode())
    assert (answer.ended, answer.error) == (False, "the script ended early with status 0")


def test_an_answer_with_an_odd_status_is_a_failure():
    assert read(f"{MARK} end x\n".encode()).status == 255


def test_bytes_that_are_no_utf8_are_replaced():
    assert read(b"\xff\xfe\n", f"{MARK} end 0\n".encode()).chatter == "\ufffd\ufffd\n"


class TestScrubbing:
    def test_everything_that_people_see(self):
        lines = []
        steps = []
        answer = read(
            f"pw is hunter2\n{MARK} step with hunter2\n{MARK} kv error bad hunter2\n{MARK} end 1\n".encode(),
            stderr=b"+ curl -u hunter2\n",
            secrets=[Secret("hunter2")],
            on_line=lines.append,
            on_step=steps.append,
        )
        assert "hunter2" not in repr(answer) + repr(lines) + repr(steps)
        assert answer.error == "bad ***"
        assert answer.stderr == "+ curl -u ***\n"

    def test_as_a_shell_quotes_it(self):
        assert Scrubber([Secret("it's")])("+ PW='it'\\''s'") == "+ PW='***'"

    def test_the_longer_of_two(self):
        assert Scrubber([Secret("abc"), Secret("abcdef")])("abcdef abc") == "*** ***"

    def test_each_line_of_a_key(self):
        assert Scrubber([Secret("-----BEGIN\nAAAAB3Nza\n")])("got AAAAB3Nza") == "got ***"

    def test_an_empty_one_changes_nothing(self):
        assert Scrubber([Secret(""), None])("text") == "text"

    def test_half_a_secret_at_the_cut_of_a_tail(self):
        tail = Tail(20)
        tail.add(b"x" * 30 + b"password\n" + b"y" * 14 + b"\n")
        assert tail.text() == "y" * 14 + "\n"


def test_tails_are_bounded():
    reader = Reader(MARK)
    for _ in range(2000):
        reader.stdout(b"z" * 1024 + b"\n")
        reader.stderr(b"z" * 1024 + b"\n")
    answer = reader.close()
    assert len(answer.chatter) <= 64 * 1024
    assert len(answer.stderr) <= 16 * 1024


def test_a_long_stream_without_newlines_is_split():
    reader = Reader(MARK)
    for _ in range(50):
        reader.stdout(b"z" * (1 << 16))
    assert len(reader._rest) <= protocol.LINE_LIMIT


@pytest.mark.parametrize("shell", ["sh", "bash", "dash", "busybox sh"])
class TestInAShell:
    def run(self, shell, script, **secrets):
        stdin = protocol.wrap(script, MARK, {k: Secret(v) for k, v in secrets.items()})
        done = subprocess.run([*shell.split(), "-s"], input=stdin, capture_output=True, check=False)
        begin, _, done.stdout = done.stdout.partition(b"\n")
        assert begin == f"{MARK} begin".encode()
        return done

    @pytest.mark.parametrize(
        "value", ["a b", "it's", "$(touch /tmp/x)", "`id`", "line\nline", "中文", "\\", '"', "-n"]
    )
    def test_secrets_arrive_as_they_are(self, shell, value):
        assert self.run(shell, 'printf %s "$PW"', PW=value).stdout == value.encode()

    def test_the_mark_is_set(self, shell):
        assert self.run(shell, 'echo "$RF_MARK end 0"').stdout == f"{MARK} end 0\n".encode()

    def test_a_command_that_reads_stdin_leaves_the_rest_of_the_script(self, shell):
        assert self.run(shell, "cat\necho still here").stdout == b"still here\n"

    def test_a_script_cut_off_on_the_way_does_nothing(self, shell):
        whole = protocol.wrap("echo one\necho two\n", MARK, {})
        done = subprocess.run(
            [*shell.split(), "-s"], input=whole[: whole.index(b"two")], capture_output=True, check=False
        )
        assert done.stdout == f"{MARK} begin\n".encode()

    def test_exit_gives_its_status(self, shell):
        assert self.run(shell, "exit 7").returncode == 7

    def test_a_last_line_that_is_a_comment(self, shell):
        assert self.run(shell, "echo a # b\n# end").stdout == b"a\n"


def test_a_secret_needs_a_variables_name():
    with pytest.raises(ValueError, match="not a shell variable's name: 'a b'"):
        protocol.wrap("", MARK, {"a b": Secret("x")})


def test_a_nul_is_refused():
    with pytest.raises(ValueError, match="NUL"):
        protocol.quote("a\0b")
