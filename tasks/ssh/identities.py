"""The keys to offer to one host, in order."""

from __future__ import annotations

from pathlib import Path

from tasks.ssh import agent as agents
from tasks.ssh.errors import ConfigProblem
from tasks.ssh.identity import Identity
from tasks.ssh.keyfile import KeyFile
from tasks.ssh.knownhosts import fingerprint
from tasks.ssh.sshconfig import Route
from tasks.ssh.target import Settings


def collect(route: Route, settings: Settings) -> list[Identity]:
    """First the key that the Target names; then, in ssh's order, certificates, keys in the agent and other files.

    With IdentitiesOnly, keys that are only in the agent are left out.

    :raises ConfigProblem: the key that the Target names cannot be used.
    """
    agent = settings.once(("agent", route.agent), lambda: agents.reach(route.agent))
    files = _files(route, settings)
    named = [f for f in files if f.path == route.key]
    for file in named:
        if file.problem and not file.on_token and not (agent and file.blob in agent.held):
            raise ConfigProblem(f"key {file.label} cannot be used: {file.problem}")
    held = agent.held if agent else {}
    ours = {f.blob for f in files}
    alone = [
        Identity(f"agent key {comment or fingerprint(b)}", b, True, lambda b=b: agent.signer(b))
        for b, comment in held.items()
        if b not in ours and not route.identities_only
    ]
    others = [f for f in files if f.path != route.key]
    return [
        *_certified(named, route),
        *(f.identity(agent) for f in named),
        *_certified(others, route),
        *(f.identity(agent) for f in others if f.blob in held),
        *alone,
        *(f.identity(None) for f in others if f.blob not in held),
    ]


def _files(route: Route, settings: Settings) -> list[KeyFile]:
    """The key files that are here; of a key that only the agent has, its public half is enough, as in ssh."""
    wanted = [p for p in dict.fromkeys([route.key, *route.identity_files]) if p]
    paths = [p if p.is_file() else Path(f"{p}.pub") for p in wanted]
    return [settings.once(("key", p), lambda p=p: KeyFile(p, settings)) for p in paths if p.is_file()]


def on_token(route: Route, settings: Settings) -> bool:
    """Whether one of the keys is on a security key."""
    return any(file.on_token for file in _files(route, settings))


def _certified(files: list[KeyFile], route: Route) -> list[Identity]:
    return [
        file.certified(path)
        for file in files
        for path in dict.fromkeys([*file.certificates, *route.certificate_files])
        if file.owns(path)
    ]
