"""What would change on a host, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tasks.node.subject import Subject
from tasks.plan.desired import Desired
from tasks.plan.remembered import differences
from tasks.runtimes.docker.engine import Engine
from tasks.runtimes.docker.engine_choice import engine_for, lacks_engine
from tasks.runtimes.docker.image_state import short

UP_TO_DATE = "up to date"


@dataclass(frozen=True)
class Change:
    """What one host needs; nothing of it if the host is up to date.

    :param install: something has to be brought there; :param start: the node has to be started, or started again.
    :param steps: that for a person, in order, such as ``install Ray``, ``restart``.
    :param why: the reasons, with ``old -> new`` where both are known.
    """

    install: bool
    start: bool
    steps: tuple[str, ...] = ()
    why: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        return self.install or self.start

    @property
    def what(self) -> str:
        return ", ".join(self.steps) if self.any else UP_TO_DATE

    def __str__(self) -> str:
        return f"{self.what} ({'; '.join(self.why)})" if self.any and self.why else self.what

    def with_restart(self) -> Change:
        """The same, and the node is started again whatever the reasons are."""
        return self if self.start else replace(self, start=True, steps=(*self.steps, "restart"))


NONE = Change(False, False)


def change(subject: Subject, desired: Desired, *, token: str | None, head_restarts: bool = False) -> Change:
    """Compares a host with the node that it should be.

    :param token: fingerprint of the head's token; None where the head has none yet.
    """
    facts, state = subject.facts, subject.state
    steps, why = _installing(subject, desired)
    install = bool(steps)
    reasons: list[str] = []
    start = True
    if not state:
        pass
    elif state.get("hash") != desired.hash:
        reasons = _start_differs(state, desired)
        if not facts.active:
            reasons.append("not running")
    elif not facts.active:
        reasons = ["not running"]
    elif desired.token and token is not None and state.get("token") != token:
        reasons = ["the cluster's token has changed"]
    elif head_restarts and desired.role == "worker":
        reasons = ["the head restarts"]
    else:
        start = install
    if start:
        steps.append("restart" if facts.active else "start")
    why += [reason for reason in reasons if reason not in why]
    return Change(install, start, tuple(steps), tuple(why)) if install or start else NONE


def _installing(subject: Subject, desired: Desired) -> tuple[list[str], list[str]]:
    """What has to be brought to a host before its node can start."""
    facts, state, versions = subject.facts, subject.state, desired.versions
    steps: list[str] = []
    why: list[str] = []
    if desired.kind == "docker":
        if lacks_engine(subject):
            engine = engine_for(subject)
            steps.append("install Docker")
            why += [engine.what] if isinstance(engine, Engine) else []
        if facts.image is None:
            step, image = _image_comes(subject)
            steps.append(step)
            old = _remembered(state).get("image")
            why.append(f"image {old} -> {image}" if old and old != image else image)
    elif versions.env_id not in facts.envs:
        broken = versions.env_id == state.get("env")
        steps.append("repair Ray" if broken else "install Ray")
        why += _versions(state, desired) or (["packages"] if state and not broken else [])
    return steps, why


def _image_comes(subject: Subject) -> tuple[str, str]:
    """How the image will come, and which one it is."""
    kind, _, path = subject.host.docker.image_source.partition(":")
    if kind == "file":
        return "copy the image", f"{subject.image} from {path}"
    return ("take the image from one host" if kind == "seed" else "pull the image"), subject.image


def _start_differs(state: dict, desired: Desired) -> list[str]:
    """What a former start did otherwise, by name as far as the host remembers it."""
    out = _versions(state, desired)
    if state.get("role") not in (None, desired.role):
        out.append(f"{state['role']} -> {desired.role}")
    if state.get("service") not in (None, desired.kind):
        out.append(f"service {state['service']} -> {desired.kind}")
    before = _remembered(state)
    named = differences(before, desired.start) if before else []
    old, new = state.get("image"), desired.versions.image
    # the image's name stands there as long as the image has not come
    if (
        old
        and new.startswith("sha256:")
        and old != new
        and not any(text.startswith("image ") for text in named)
    ):
        named.insert(0, f"image {short(old)} -> {short(new)}")
    return out + named or ["start command changed"]


def _remembered(state: dict) -> dict:
    start = state.get("start")
    return start if isinstance(start, dict) else {}


def _versions(state: dict, desired: Desired) -> list[str]:
    """Ray and Python, both where nothing was there before, else those that differ."""
    out = []
    for name, old, new in (
        ("Ray", state.get("ray"), desired.versions.ray),
        ("Python", state.get("python"), desired.versions.python),
    ):
        if new and not old:
            out.append(f"{name} {new}")
        elif new and old != new:
            out.append(f"{name} {old} -> {new}")
    return out
