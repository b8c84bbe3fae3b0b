"""Running scripts on a real host."""

import resource
import threading
import time

import pytest

from tasks.inventory.secret import Secret
from tasks.ssh import Cancelled, ConnectionLost, StepTimeout, Target, Unfinished, connect
from tests.ssh import sshd

END = 'echo "$RF_MARK end 0"\n'


@pytest.fixture(params=["ssh", "local"])
def host(request, server, settings):
    """The same must hold for a far host and for this machine."""
    target = server.target(key=str(server.key)) if request.param == "ssh" else Target("a", "a", local=True)
    with connect(target, settings) as opened:
        yield opened


class TestAnswers:
    def test_values_chatter_and_stderr_are_separated(self, host):
        answer = host.ask(f'echo "$RF_MARK kv dir $(pwd)"; echo note; echo warn >&2; {END}', timeout=20)
        assert (answer.ok, answer.values, answer.chatter, answer.stderr) == (
            True,
            {"dir": "/root"},
            "note\n",
            "warn\n",
        )
        assert 0 < answer.seconds < 20

    @pytest.mark.parametrize("status", [0, 3])
    def test_a_script_that_stops_before_its_end_is_a_failure_whatever_its_status(self, host, status):
        with pytest.raises(Unfinished) as caught:
            host.ask(f'echo "$RF_MARK kv a b"; echo no such thing >&2; exit {status}', timeout=20)
        assert str(caught.value) == f"a: the script ended early with status {status}: no such thing"
        answer = caught.value.answer
        assert (answer.ok, answer.status, answer.values) == (False, status, {"a": "b"})

    def test_nothing_runs_of_a_script_with_a_syntax_error(self, host):
        with pytest.raises(Unfinished, match="yntax error") as caught:
            host.ask("echo begun; if true; then", timeout=20)
        assert caught.value.answer.chatter == ""

    def test_a_script_that_is_killed(self, host):
        with pytest.raises(Unfinished, match=r"the script was killed|status -9"):
            host.ask("kill -9 $$", timeout=20)

    def test_a_secret_arrives_and_is_not_shown(self, host):
        script = f'echo "$PW"; echo "$PW" >&2; echo "$RF_MARK kv length ${{#PW}}"; {END}'
        answer = host.ask(script, secrets={"PW": Secret("it's $(secret)")}, timeout=20)
        assert answer.values == {"length": "14"}
        assert "secret" not in repr(answer)

    def test_scripts_run_at_the_same_time_on_one_connection(self, host):
        answers = {}

        def run(n):
            answers[n] = host.ask(f'sleep 0.2; echo "$RF_MARK kv n {n}"; {END}', timeout=30).values["n"]

        threads = [threading.Thread(target=run, args=(n,)) for n in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == {n: str(n) for n in range(5)}

    def test_each_run_is_counted(self, host):
        before = host.execs
        host.ask(END, timeout=20)
        host.ask(END, timeout=20)
        assert host.execs == before + 2

    def test_a_daemon_left_behind_that_holds_the_output(self, host):
        start = time.monotonic()
        answer = host.ask(f"sleep 8 & {END}", timeout=20)
        assert answer.ok
        assert time.monotonic() - start < 6


class TestBigStreams:
    def test_stdin_and_stdout_together(self, host):
        """Both larger than every window on the way, and stdout before all of stdin was read."""
        script = f"head -c 6000000 /dev/zero | tr '\\0' x; echo; {END}#{'y' * 6_000_000}\n"
        assert host.ask(script, timeout=60).ok

    def test_stderr_and_stdout_together(self, host):
        some = "head -c 3000000 /dev/zero"
        script = f"for i in 1 2 3 4; do {some} >&2; {some}; done; echo; {END}"
        assert host.ask(script, timeout=60).ok

    def test_long_output_is_not_kept_in_memory(self, host):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        much = f"yes {'x' * 200} | head -c 100000000; yes {'y' * 200} | head -c 20000000 >&2"
        answer = host.ask(f"{much}; {END}", timeout=120)
        assert answer.ok
        assert len(answer.chatter) + len(answer.stderr) < 100_000
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # KiB


class TestTime:
    def test_a_timeout_names_the_step(self, host):
        start = time.monotonic()
        with pytest.raises(
            StepTimeout, match=r"^a timed out after 5 s in step 'waiting for godot'$"
        ) as caught:
            host.ask('echo "$RF_MARK step waiting for godot"; sleep 60', timeout=5)
        assert caught.value.step == "waiting for godot"
        assert time.monotonic() - start < 50

    def test_the_connection_can_be_used_after_a_timeout(self, host):
        with pytest.raises(StepTimeout):
            host.ask("sleep 30", timeout=0.5)
        assert host.ask(END, timeout=20).ok

    def test_a_timeout_while_there_is_output(self, host):
        with pytest.raises(StepTimeout):
            host.ask("while :; do echo talk; done", timeout=1)

    def test_steps_are_reported_while_the_script_runs(self, host):
        heard = []
        host.ask(
            f'echo "$RF_MARK step one"; sleep 1; {END}',
            on_step=lambda text: heard.append((text, time.monotonic())),
            timeout=20,
        )
        assert [text for text, _ in heard] == ["one"]
        assert time.monotonic() - heard[0][1] > 0.5


class TestEnding:
    def test_cancel_from_another_thread(self, host):
        threading.Timer(0.5, host.cancel).start()
        start = time.monotonic()
        with pytest.raises(Cancelled, match="a: stopped from this side"):
            host.ask("sleep 30", timeout=60)
        assert time.monotonic() - start < 10

    def test_nothing_runs_after_a_cancel(self, host):
        host.cancel()
        with pytest.raises(Cancelled):
            host.ask(END, timeout=20)

    def test_following_until_it_is_stopped(self, host):
        lines = []

        def take(line):
            lines.append(line)
            if len(lines) == 3:
                host.cancel()

        with pytest.raises(Cancelled):
            host.ask("i=0; while :; do i=$((i+1)); echo line $i; sleep 0.1; done", on_line=take, timeout=60)
        assert lines[:3] == ["line 1", "line 2", "line 3"]

    def test_following_to_the_end(self, host):
        lines = []
        assert host.ask(f"echo a; echo b; {END}", on_line=lines.append, timeout=60).ok
        assert lines == ["a", "b"]

    def test_a_callback_that_raises_ends_the_run(self, host):
        def refuse(text):
            raise RuntimeError("enough")

        with pytest.raises(RuntimeError, match="enough"):
            host.ask('echo "$RF_MARK step a"; sleep 30', on_step=refuse, timeout=60)


def test_a_broken_connection_is_an_error_and_is_not_opened_again_for_a_script(server, settings, tmp_path):
    with sshd.running(tmp_path / "doomed") as doomed:
        doomed.authorize(server.key)
        with connect(server.target(port=doomed.port, key=str(server.key)), settings) as connection:
            with pytest.raises(ConnectionLost, match="the connection to a broke"):
                # the parent of the shell is the sshd process of this very session
                connection.ask("kill -9 $PPID; sleep 5", timeout=30)
            with pytest.raises(ConnectionLost):
                connection.ask(END, timeout=20)


def test_a_server_that_refuses_channels(server, settings, tmp_path):
    with sshd.running(tmp_path / "closed", "MaxSessions 0") as closed:
        closed.authorize(server.key)
        with connect(server.target(port=closed.port, key=str(server.key)), settings) as connection:
            with pytest.raises(ConnectionLost, match="refused another channel") as caught:
                connection.ask(END, timeout=20)
    assert "MaxSessions" in caught.value.hint
