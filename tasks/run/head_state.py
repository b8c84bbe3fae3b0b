"""What the head says of the state that it keeps, for `fab status --json`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from tasks.run.stages import Known, Listed, Planned


def head_state(head: Listed) -> dict[str, Any] | None:
    """Whether the head keeps its state, since when, and how much it is; None if the head has not said it."""
    if isinstance(head, Planned):
        decided, store = head.desired.state("", "").get("head_state"), None
    elif isinstance(head, Known):
        decided, store = head.state.get("head_state"), head.facts.store
    else:
        return None
    if not isinstance(decided, dict):
        return None
    since = store and store.since
    return {
        "kept": decided.get("kept") is True,
        "why": decided.get("why") or None,
        "since": datetime.fromtimestamp(since, timezone.utc).isoformat() if since else None,
        "bytes": store.size if store else None,
        "put_aside": (store.aside if store else "") or None,
    }
