"""Open a tunnel to Ray's dashboard, until Ctrl-C."""

from __future__ import annotations

import time

from tasks.node.start import token_script
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import Step
from tasks.ssh import PortTaken


def open_tunnel(port: int | None, *, token: bool) -> Step:
    """The step that holds the tunnel open.

    :param port: the local port; None means the dashboard's own, or a free one if that is taken.
    :param token: print the token with which to log in to the dashboard.
    """
    return Step("Open a tunnel", lambda run: _open(run, port, token=token))


def _open(run: Run, port: int | None, *, token: bool) -> None:
    head = run.head(Known)
    if not head.facts.active:
        raise Stop("the head isn't running", "fab deploy-cluster starts it")
    remote = head.host.ray.dashboard_port
    if head.state.get("token"):
        if token:
            answer = run.ask(head, token_script(run.cluster.name, offers=False), timeout=60.0)
            print(answer.values["token"])
        else:
            run.console.note("the dashboard asks for the cluster's token: fab dashboard --token shows it")
    if head.host.connection == "local":
        run.console.ok(f"http://127.0.0.1:{remote}")
        return
    for local in (port or remote, 0):
        try:
            with head.connection.forward_local(local, remote, "127.0.0.1", "127.0.0.1") as opened:
                run.console.ok(f"http://127.0.0.1:{opened}", "Ctrl-C closes the tunnel")
                while True:
                    time.sleep(3600)
        except PortTaken as error:
            if port or local == 0:
                raise Stop(str(error), "choose another --port") from None
