"""The tunnel to the dashboard: tried first, at the right address and port, and looked after until Ctrl-C."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tasks.phases import open_tunnel
from tasks.report.console import Console
from tasks.run.operate import operate
from tasks.run.options import Options
from tasks.run.run import Run
from tasks.run.stages import Listed
from tasks.ssh import ConnectionLost, PortTaken, Settings, TunnelRefused, Unreachable
from tests.script import samples

REFUSED = Unreachable("nothing answers at port 8265 of 127.0.0.1 on head: Connection refused")
LOST = ConnectionLost("the connection to head broke")


class Connection:
    """Answers each knock with the next of ``knocks``, then with Ctrl-C; ``taken`` ports cannot be listened on."""

    def __init__(self, knocks, taken=()):
        self.knocks, self.taken = list(knocks), taken
        self.knocked, self.led_to, self.closed = [], [], 0

    def knock(self, host, port):
        self.knocked.append((host, port))
        if not self.knocks:
            raise KeyboardInterrupt
        if error := self.knocks.pop(0):
            raise error

    @contextlib.contextmanager
    def forward_local(self, local, remote, far, near):
        if local in self.taken:
            raise PortTaken(f"port {local} of this machine cannot be listened on: in use")
        self.led_to.append((far, remote))
        yield local or 40000

    def close(self):
        self.closed += 1


@pytest.fixture
def opened(monkeypatch, capsys):
    """opened(connection, ...): the exit status and what is printed until Ctrl-C."""
    now = [0.0]
    monkeypatch.setattr(open_tunnel.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr(open_tunnel.time, "monotonic", lambda: now[0])

    def run(connection, port=None, listens="127.0.0.1"):
        host = samples.host("head")
        host = host.model_copy(update={"ray": host.ray.model_copy(update={"dashboard_host": listens})})
        listed = Listed(host)
        made = Run(SimpleNamespace(name="lab"), Console(), [listed], Settings(), Options("dashboard"))
        made.put(listed.reached(connection).known(replace(samples.facts(), active=True)))
        code = operate(made, [open_tunnel.open_tunnel(port, token=False)])
        return code, capsys.readouterr().out

    return run


class TestItsPort:
    def test_is_the_dashboard_s_own(self, opened):
        code, said = opened(Connection([None]))
        assert code == 0 and "✓ http://127.0.0.1:8265" in said

    def test_is_a_free_one_where_that_is_in_use(self, opened):
        code, said = opened(Connection([None], taken=(8265,)))
        assert code == 0 and "http://127.0.0.1:40000" in said and "port 8265 of this machine" in said

    def test_is_the_one_that_was_asked_for_or_a_free_one(self, opened):
        assert "http://127.0.0.1:9000" in opened(Connection([None]), 9000)[1]
        assert "http://127.0.0.1:40000" in opened(Connection([None], taken=(9000,)), 9000)[1]

    def test_of_a_machine_that_can_listen_nowhere(self, opened):
        code, said = opened(Connection([None], taken=(8265, 0)))
        assert code == 1 and "fab dashboard --port PORT names one" in said


class TestItsFarEnd:
    @pytest.mark.parametrize(
        ("listens", "knocks", "far"),
        [
            ("127.0.0.1", [None], "127.0.0.1"),
            ("0.0.0.0", [None], "127.0.0.1"),
            ("10.0.0.1", [None], "10.0.0.1"),
            ("::1", [None], "::1"),
            ("::", [None], "::1"),
            ("::", [REFUSED, None], "127.0.0.1"),
            ("localhost", [REFUSED, None], "::1"),
            ("ray-head.lan", [None], "ray-head.lan"),
        ],
    )
    def test_is_where_the_dashboard_answers(self, opened, listens, knocks, far):
        connection = Connection(knocks)
        assert opened(connection, listens=listens)[0] == 0
        assert connection.led_to == [(far, 8265)]

    def test_that_does_not_answer_is_no_tunnel(self, opened):
        connection = Connection([REFUSED])
        code, said = opened(connection)
        assert code == 1 and connection.led_to == [] and "✓" not in said
        assert "Connection refused" in said and "fab logs --host head --component dashboard" in said

    def test_a_server_that_permits_no_tunnel_is_asked_once(self, opened):
        connection = Connection([TunnelRefused("the SSH server of head permits no tunnel")])
        code, said = opened(connection, listens="::")
        assert code == 1 and len(connection.knocked) == 1
        assert "✗ the SSH server of head permits no tunnel\n  → AllowTcpForwarding" in said


class TestWhileItIsOpen:
    def test_ctrl_c_ends_it_calmly(self, opened):
        code, said = opened(Connection([None, None, None]))
        assert code == 0 and "✗" not in said

    def test_a_head_that_stops_and_starts_is_told_once_each(self, opened):
        code, said = opened(Connection([None, None, REFUSED, REFUSED, None, None]))
        assert code == 0 and said.count("✗") == 1 and said.count("✓ the dashboard answers again") == 1

    def test_a_connection_that_broke_is_opened_again(self, opened):
        connection = Connection([None, LOST, LOST, None, None])
        code, said = opened(connection)
        assert code == 0 and "✓ the dashboard answers again" in said
        # the last one is the end of the run
        assert connection.closed == 3

    def test_one_that_does_not_come_back_ends_the_command(self, opened):
        code, said = opened(Connection([None, *[LOST] * 20]))
        assert code == 1
        assert "the tunnel did not come back within 60 s\n  → fab status says what runs" in said


class TestGrafana:
    """The dashboard's page loads its graphs from it: it must be here at the same port as on the head."""

    @pytest.fixture
    def beside(self, monkeypatch):
        facts = samples.facts
        monkeypatch.setattr(
            samples, "facts", lambda: replace(facts(), metrics=("grafana", "prometheus"), active=True)
        )

    def test_has_a_tunnel_where_it_is_on_the_head(self, opened, beside):
        connection = Connection([None])
        code, said = opened(connection)
        assert code == 0
        assert connection.led_to == [("127.0.0.1", 8265), ("127.0.0.1", 3000)]
        assert "http://127.0.0.1:3000" in said

    def test_a_port_in_use_takes_only_the_graphs(self, opened, beside):
        code, said = opened(Connection([None], taken=(3000,)))
        assert code == 0
        assert "port 3000 of this machine" in said and "the dashboard shows no graphs" in said
        assert "http://127.0.0.1:8265" in said

    def test_has_none_where_it_is_not(self, opened):
        connection = Connection([None])
        opened(connection)
        assert connection.led_to == [("127.0.0.1", 8265)]
