"""Whether a cluster's head can keep its state: by its version of Ray, its system, and where it would lie."""

from __future__ import annotations

from tasks import runtimes
from tasks.node import gcs_store
from tasks.node.gcs_store import HeadState
from tasks.node.subject import Subject


def head_state(head: Subject, cluster: str, ray: str) -> HeadState:
    """What the head will do. :param ray: the version that it will run."""
    place = runtimes.of(head.host).state_place(head, cluster)
    shared = len(head.facts.home_hosts) > 1
    why_not = gcs_store.obstacle(head.host, ray, head.facts.system, place, shared_home=shared)
    return gcs_store.decide(head.host, why_not)
