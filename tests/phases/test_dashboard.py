"""The tunnel to the dashboard: which port of this machine it takes."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest

from tasks.phases import dashboard
from tasks.report.console import Console
from tasks.run.run import Stop
from tasks.ssh import PortTaken
from tests.render import samples


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

    monkeypatch.setattr(dashboard.time, "sleep", interrupt)
    head = SimpleNamespace(
        host=samples.host("head"),
        facts=SimpleNamespace(active=True),
        subject=SimpleNamespace(state={}),
        connection=SimpleNamespace(forward_local=forward_local),
    )

    def run(port):
        with contextlib.suppress(KeyboardInterrupt):
            dashboard.tunnel(port, token=False)(SimpleNamespace(head=head, console=Console()))
        return capsys.readouterr().out

    return run


def test_a_free_port_is_taken_where_the_dashboard_s_own_is_in_use(opened):
    assert "http://127.0.0.1:40000" in opened(None)


def test_a_port_that_was_asked_for_is_taken_or_refused(opened):
    assert "http://127.0.0.1:9000" in opened(9000)
    with pytest.raises(Stop, match="port 8265 of this machine cannot be listened on"):
        opened(8265)
