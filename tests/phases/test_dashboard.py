"""The tunnel to the dashboard: which port of this machine it takes."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tasks.phases import open_tunnel
from tasks.report.console import Console
from tasks.run.failures import Stop
from tasks.run.options import Options
from tasks.run.run import Run
from tasks.run.stages import Listed
from tasks.ssh import PortTaken, Settings
from tests.script import samples


@pytest.fixture
def opened(monkeypatch, capsys):
    """opened(port): what is printed until Ctrl-C, on a machine where port 8265 is taken."""

    @contextlib.contextmanager
    def forward_local(local, remote, *hosts):
        if local == remote:
            raise PortTaken(
                f"port {local} of this machine cannot be listened on: in use", "choose another port"
            )
        yield local or 40000

    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(open_tunnel.time, "sleep", interrupt)
    listed = Listed(samples.host("head"))
    head = listed.reached(SimpleNamespace(forward_local=forward_local))

    def run(port):
        made = Run(SimpleNamespace(name="lab"), Console(), [listed], Settings(), Options("dashboard"))
        made.put(head.known(replace(samples.facts(), active=True)))
        with contextlib.suppress(KeyboardInterrupt):
            open_tunnel.open_tunnel(port, token=False)(made)
        return capsys.readouterr().out

    return run


def test_a_free_port_is_taken_where_the_dashboard_s_own_is_in_use(opened):
    assert "http://127.0.0.1:40000" in opened(None)


def test_a_port_that_was_asked_for_is_taken_or_refused(opened):
    assert "http://127.0.0.1:9000" in opened(9000)
    with pytest.raises(Stop, match="port 8265 of this machine cannot be listened on"):
        opened(8265)
