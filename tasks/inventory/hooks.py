"""Keys of the whole cluster: the scripts that run around an operation, and who is told of its result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from tasks.inventory import accept, address
from tasks.inventory.rule import MISMATCH, Rule
from tasks.inventory.secret import SecretSource
from tasks.inventory.sections import Frozen

PLACES = ("here", "host", "script")


@dataclass(frozen=True)
class Hook:
    """One script.

    :param place: here: ``text`` is a line for sh on the operator's machine; host: the same on the host; script:
        ``text`` is the path of a file on the operator's machine, which runs on the host.
    """

    place: Literal["here", "host", "script"]
    text: str

    @property
    def on_host(self) -> bool:
        return self.place != "here"

    def __str__(self) -> str:
        first, *more = self.text.strip().splitlines()
        return f"{self.place}: {first}{' …' if more else ''}"


def _hook(value: Any) -> Any:
    if not isinstance(value, dict) or len(value) != 1:
        return MISMATCH
    ((place, text),) = value.items()
    if place not in PLACES or not isinstance(text, str) or not text.strip():
        return MISMATCH
    # several lines are one script
    address.check_text(text if place == "script" else text.replace("\n", " ").replace("\t", " "))
    return Hook(place, text)


def _webhook(value: Any) -> Any:
    # nobody is there to be asked when a run has ended
    return MISMATCH if isinstance(value, dict) and "prompt" in value else accept.password(value)


def _one_key(*keys: str) -> list[dict[str, Any]]:
    return [
        {
            "type": "object",
            "properties": {key: {"type": "string", "minLength": 1}},
            "required": [key],
            "additionalProperties": False,
        }
        for key in keys
    ]


HookItem = Annotated[
    Hook,
    Rule(
        "hook",
        "{here: LINE}, {host: LINE} or {script: FILE}",
        _hook,
        {
            "anyOf": _one_key(*PLACES),
            "description": "here: a line for sh on your machine, in the folder of the hosts file; host: a line for sh "
            "on the host; script: a file of your machine that runs on the host, with what its #! line names, else sh",
        },
    ),
]
Webhook = Annotated[
    SecretSource,
    Rule(
        "secret URL",
        '{env: NAME}, {command: "..."} or a quoted URL',
        _webhook,
        {"anyOf": [{"type": "string", "minLength": 1}, *_one_key("env", "command")]},
    ),
]


class Hooks(Frozen):
    """Scripts that run once for each host, in order. What they need to know is in ``RAYFAB_*``."""

    before_deploy: tuple[HookItem, ...] = Field(
        (),
        description="before deploy-cluster or add-worker changes a host, each `{here: LINE}`, `{host: LINE}` or "
        "`{script: FILE}`; a host on which one fails is left as it is",
    )
    after_join: tuple[HookItem, ...] = Field(
        (),
        description="each time a command has started a node that then ran a task; a worker on which one fails is "
        "stopped again",
    )
    on_failure: tuple[HookItem, ...] = Field(
        (), description="where a command that changes the cluster has failed; `RAYFAB_ERROR` says why"
    )

    def files(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """The files of the operator's machine, each after its path in the hosts file."""
        for name in type(self).model_fields:
            for number, hook in enumerate(getattr(self, name)):
                if hook.place == "script":
                    yield ("hooks", name, number, hook.place), hook.text


class Notify(Frozen):
    """Who is told."""

    webhook: Webhook | None = Field(
        None,
        description="address to which the result of each command that changes the cluster or fails is posted as JSON: "
        "`{env: NAME}`, `{command: ...}`, or text in the file (with a warning)",
    )
