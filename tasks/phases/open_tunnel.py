"""Open a tunnel to Ray's dashboard, until Ctrl-C."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from tasks.node.addresses import join
from tasks.node.dashboard import answers_at
from tasks.node.start import token_script
from tasks.run.failures import Stop
from tasks.run.metrics import with_grafana
from tasks.run.run import Run
from tasks.run.stages import Known
from tasks.run.step import Step
from tasks.ssh import ConnectionLost, PortTaken, RemoteError, TunnelRefused

LOOK = 5.0  # seconds between two looks at the open tunnel
PATIENCE = 60.0  # seconds in which a tunnel that broke is made again


def open_tunnel(port: int | None, *, token: bool) -> Step:
    """The step that holds the tunnel open.

    :param port: the local port; None means the dashboard's own. A free one is taken if it is in use.
    :param token: print the token with which to log in to the dashboard.
    """
    return Step("Open a tunnel", lambda run: _open(run, port, token=token))


def _open(run: Run, port: int | None, *, token: bool) -> None:
    head = run.head(Known)
    if not head.facts.active:
        raise Stop(
            "the head isn't running", "fab start starts what is deployed; fab deploy-cluster also installs"
        )
    remote = head.host.ray.dashboard_port
    places = answers_at(head.host.ray.dashboard_host)
    if head.host.connection == "local":
        _say_token(run, head, token=token)
        run.console.ok(f"http://{join(places[0], remote)}")
        return
    place = _tried(head, places, remote)
    _say_token(run, head, token=token)
    with (
        contextlib.suppress(KeyboardInterrupt),
        _listening(run, head, port or remote, place, remote) as local,
        with_grafana(run, head),
    ):
        url = f"http://127.0.0.1:{local}"
        run.console.ok(url, "Ctrl-C closes the tunnel")
        _watch(run, head, place, remote, url)


def _say_token(run: Run, head: Known, *, token: bool) -> None:
    if not head.state.get("token"):
        return
    if token:
        answer = run.ask(head, token_script(run.cluster.name, offers=False), timeout=60.0)
        print(answer.values["token"])
    else:
        run.console.note("the dashboard asks for the cluster's token: fab dashboard --token shows it")


def _tried(head: Known, places: tuple[str, ...], remote: int) -> str:
    """The address at which the dashboard answers through a tunnel.

    :raises Stop: it answers at none, or the SSH server permits no tunnel.
    """
    problems = []
    for place in places:
        try:
            head.connection.knock(place, remote)
            return place
        except TunnelRefused as error:
            raise Stop(str(error), error.hint) from None
        except RemoteError as error:
            problems.append(str(error))
    raise Stop("; ".join(problems), f"fab logs --host {head.name} --component dashboard says why")


@contextlib.contextmanager
def _listening(run: Run, head: Known, port: int, place: str, remote: int) -> Iterator[int]:
    """The local end of the tunnel; the context's value is its port."""
    with contextlib.ExitStack() as stack:
        try:
            yield stack.enter_context(head.connection.forward_local(port, remote, place, "127.0.0.1"))
            return
        except PortTaken as error:
            run.console.note(f"{error}: another one is taken")
        try:
            local = stack.enter_context(head.connection.forward_local(0, remote, place, "127.0.0.1"))
        except PortTaken as error:
            raise Stop(str(error), "fab dashboard --port PORT names one") from None
        yield local


def _watch(run: Run, head: Known, place: str, remote: int, url: str) -> None:
    """Looks at the open tunnel until Ctrl-C; one that broke is made again.

    :raises Stop: it could not be made again.
    """
    since, lost = 0.0, False
    while True:
        time.sleep(LOOK)
        try:
            if lost:
                head.connection.close()
            head.connection.knock(place, remote)
        except RemoteError as error:
            # a host that is silent may have lost this connection silently
            lost = lost or isinstance(error, ConnectionLost) or bool(since)
            if not since:
                since = time.monotonic()
                run.console.bad(str(error), f"it is tried again for {PATIENCE:g} s; Ctrl-C ends it")
            elif time.monotonic() - since > PATIENCE:
                raise Stop(
                    f"the tunnel did not come back within {PATIENCE:g} s", "fab status says what runs"
                ) from None
            continue
        if since:
            run.console.ok("the dashboard answers again", url)
        since, lost = 0.0, False
