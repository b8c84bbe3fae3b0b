"""What the steps of an upgrade and of a rollback share."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.node.kept import stage_script
from tasks.run.failures import Failure
from tasks.run.run import Run
from tasks.run.stages import Planned

SHORT = 60.0  # seconds for a script that only moves files


def what(run: Run) -> str:
    """``upgrade`` or ``rollback``, as it was typed."""
    return run.options.what.split()[0]
@dataclass(frozen=True)
class Kept:
    """What a head keeps.

    :param locks: the locks of all installed environments, one after the other; '' for none.
    :param state: the files of its GCS as a .tar.gz; empty if it keeps none.
    :param state_for: the head's own note of which Ray that state is for.
    """

    token: Secret | None = None
    locks: str = ""
    state: bytes = b""
    state_for: str = ""


def changing(run: Run) -> list[Planned]:
    """The nodes that are switched; none if everything is up to date."""
    return [node for node in run.chosen(Planned) if node.change.start]


def failed_on(run: Run) -> tuple[str, Failure] | None:
    """The first host that has failed, and why."""
    for node in run.failed:
        return node.name, run.failure(node)
    return None


def undo(run: Run, nodes: Sequence[Planned]) -> None:
    """Removes what was installed and not started; the reason for that is a failure already."""
    script = stage_script(run.cluster.name, "undo")
    failures = dict(run.record.failures)
    run.each(
        "Remove what was not started", nodes, lambda node, board: run.ask(node, script, board, timeout=SHORT)
    )
    run.record.failures = failures
    :raises HostFailed, RemoteError: the head does not answer.
    """
    script = kept.read_script(run.cluster.name, sudo=head.sudo)
    with run.console.phase(script.title, 1) as board:
        answer = run.ask(head, script, board, timeout=TIMEOUT)
    token = answer.values.get("token")
    return Kept(
        Secret(token) if token else None,
        "\n".join(dict.fromkeys(n.lock_text for n in run.every(Known) if n.lock_text)),
        base64.b64decode("".join(answer.texts.get("kept", ()))),
        answer.values.get("kept_for", ""),
    )


def write_kept(run: Run, head: Known, found: Kept, board: Board) -> None:
    """Puts it on a head whose node does not run.

    :raises HostFailed, RemoteError: it was not written.
    """
    if found.state:
        folder = homes.folder(head.facts, run.cluster.name)
        run.carry(head, found.state, f"{folder}/{kept.ARCHIVE}")
    script = kept.write_script(
        run.cluster.name,
        found.locks,
        token=found.token is not None,
        state_for=found.state_for,
        sudo=head.sudo,
    )
    run.ask(head, script, board, timeout=TIMEOUT, RF_TOKEN=found.token)
