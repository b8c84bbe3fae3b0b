"""What a head keeps beyond its node: token, locks, what it remembers, and the state of its GCS, if it keeps that."""

from __future__ import annotations

from tasks.node.names import basics
from tasks.script.script import Script, render

ARCHIVE = "kept.tgz"  # the state on its way to a head, in the head's own folder
JOBS = "kept.jobs"  # the same for its journal of jobs


def read_script(cluster: str, *, sudo: bool = False) -> Script:
    """Reads them from the head: the answer has ``token``, and the lines of ``kept``, a .tar.gz in Base64.

    ``kept_for`` is the note of which Ray that state is for, ``history`` has the lines of what it remembers of changes,
    ``job`` those of its journal.
    """
    secrets = ("RF_SUDO",) if sudo else ()
    title = "read what the head keeps"
    return render(title, "head_files_read", basics(cluster), secrets=secrets)


def write_script(
    cluster: str, locks: str, *, token: bool, state_for: str = "", history: str = "", sudo: bool = False
) -> Script:
    """Puts them on a head. The state was copied before, to :data:`ARCHIVE`, and the journal of jobs to :data:`JOBS`.

    :param locks: the locks of its environments; '' for none.
    :param token: a token is sent with the script.
    :param state_for: which Ray the state is for, as ``kept_for`` said.
    :param history: lines; those that the head has already are left out.
    """
    secrets = (*(("RF_SUDO",) if sudo else ()), *(("RF_TOKEN",) if token else ()))
    return render(
        "put back what the head kept",
        "head_files_write",
        {**basics(cluster), "LOCKS": locks, "STATE_FOR": state_for, "HISTORY": history},
        secrets=secrets,
    )
