"""What would change on a host, and why."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.render.engine import Engine

from .desired import Desired
from .engine import engine_for, lacks_engine
from .subject import Subject


@dataclass(frozen=True)
class Change:
    """The steps that one host needs; none of them if it is as wanted."""

    install: bool
    start: bool
    why: tuple[str, ...]

    @property
    def any(self) -> bool:
        return self.install or self.start

    def __str__(self) -> str:
        return ", ".join(self.why) if self.any else "as wanted"


def _image_comes(subject: Subject) -> str:
    """Where the image will come from."""
    kind, _, path = subject.host.docker.image_source.partition(":")
    if kind == "file":
        return f"carry {subject.image} there from {path}"
    return f"take {subject.image} from one host" if kind == "seed" else f"pull {subject.image}"


def change(subject: Subject, desired: Desired, *, token: str | None, head_restarts: bool = False) -> Change:
    """Compares a host with what it shall be.

    :param token: fingerprint of the head's token; None where the head has none yet.
    """
    facts, state = subject.facts, subject.state
    versions = desired.versions
    install = start = False
    why: list[str] = []
    if desired.kind == "docker":
        if lacks_engine(subject):
            engine = engine_for(subject)
            why.append(f"install {engine.what}" if isinstance(engine, Engine) else "install Docker")
        if facts.image is None:
            install, _ = True, why.append(_image_comes(subject))
    elif versions.env_id not in facts.envs:
        install = True
        broken = versions.env_id == state.get("env")
        why.append(f"{'mend' if broken else 'install'} Ray {versions.ray} on Python {versions.python}")
    if not state:
        start = True
        why.append(f"start the {desired.role}")
    elif state.get("hash") != desired.hash:
        start = True
        why.append(f"restart the {desired.role}: its start has changed")
    elif not facts.active:
        start = True
        why.append(f"start the {desired.role}: it does not run")
    elif desired.token and token is not None and state.get("token") != token:
        start = True
        why.append("restart: the cluster's token has changed")
    elif install:
        start = True
        why.append(f"restart the {desired.role}")
    elif head_restarts and desired.role == "worker":
        start = True
        why.append("restart the worker: the head starts anew")
    return Change(install, start, tuple(why))
