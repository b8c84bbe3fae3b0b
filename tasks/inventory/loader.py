"""hosts.yml -> Cluster, or every mistake in it at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tasks.inventory import ranges
from tasks.inventory.checks import Placed, check
from tasks.inventory.cluster import Cluster, Host
from tasks.inventory.document import Document, Flaw, Map
from tasks.inventory.document import parse as parse_yaml
from tasks.inventory.explain import explain
from tasks.inventory.groups import resolve_groups
from tasks.inventory.hooks import Hooks
from tasks.inventory.localfiles import Named, of_host
from tasks.inventory.model import Defaults, HostEntry, HostsFile
from tasks.inventory.problems import InventoryError, Problem, Where, dotted
from tasks.inventory.resolve import Conflict, resolve
from tasks.inventory.runtime_sections import SECTIONS
from tasks.inventory.sections import LocalFile, from_folder
from tasks.text.wording import printable, shown

MAX_BYTES = 1024 * 1024
PLAIN_PASSWORD = (
    "a password in plain text; {env: NAME}, {command: ...} or {prompt: true} keep it out of the file"
)
_KNOWN = Defaults.model_fields.keys()
Model = TypeVar("Model", bound=BaseModel)


def load(path: str | Path) -> Cluster:
    """Read and check a hosts file. Opens no connection.

    :raises InventoryError: with every problem, sorted by line. Nothing else is raised.
    """
    path = Path(path)
    return parse(read(path), path)


def read(path: Path) -> str:
    """The file's text as it is, with its line ends and byte order mark.

    :raises InventoryError: it cannot be read, is too large or is not UTF-8.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise _whole(
            path, "there is no such file; `fab init` writes one, --hosts-file names another"
        ) from None
    except IsADirectoryError:
        raise _whole(path, "this is a directory; --hosts-file needs a file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "the path is not valid"
        raise _whole(path, f"cannot be read: {reason}") from None
    if len(content) > MAX_BYTES:
        raise _whole(path, f"the file has {len(content)} bytes; a hosts file has at most {MAX_BYTES}")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InventoryError([Problem(path, line, "", "this is not UTF-8; save the file as UTF-8")]) from None


def parse(text: str, path: Path) -> Cluster:
    """The cluster that a text describes.

    :param path: the file's path, for messages and for relative paths in the text.

    :raises InventoryError: as `load` does.
    """
    document = parse_yaml(text.removeprefix("\ufeff"))
    if not document.flaws and document.value is None:
        raise _whole(path, "the file is empty; `fab init` writes one")
    if not document.flaws and not isinstance(document.value, Map):
        raise _whole(path, f"expected keys such as head: and workers:, got {_kind(document.value)}")
    if not isinstance(document.value, Map):
        raise _error(document.flaws, path)
    reader = _Reader(document, path)
    cluster = reader.cluster()
    if reader.flaws or cluster is None:
        raise _error(reader.flaws, path)
    return cluster


class _Reader:
    """Continues after a mistake with the rest of the file, so that all mistakes are reported at once."""

    def __init__(self, document: Document, path: Path) -> None:
        self.document, self.path = document, path
        self.flaws = list(document.flaws)
        # a value with a wrong tag or alias is wrong in other ways too; only the first is reported
        self._reported = {(flaw.line, flaw.where) for flaw in document.flaws}

    def cluster(self) -> Cluster | None:
        keys: dict[str, Any] = dict(self.document.value)
        head, workers = keys.pop("head", None), keys.pop("workers", None)
        # a section whose keys are all commented out is null and counts as left out
        keys = {key: value for key, value in keys.items() if value is not None or key not in _KNOWN}
        defaults = self._valid(Defaults, keys, (), HostsFile) or Defaults()
        if head is None:
            self._flaw(
                ("head",), "missing; name the host that leads the cluster, such as head: 10.0.0.1", line=0
            )
        elif isinstance(head, list):
            self._flaw(("head",), "expected one host, got a list")
            head = None
        placed = self._hosts(head, ("head",), defaults) if head is not None else []
        placed += self._workers(workers, defaults)
        self._add(check(placed, self.document))
        if self.flaws:
            return None
        hosts = tuple(one.host for one in placed)
        groups = self._groups(defaults.groups, hosts)
        if self.flaws:
            return None
        return Cluster(
            name=defaults.cluster,
            path=self.path,
            head=hosts[0],
            workers=hosts[1:],
            mirrors=defaults.mirrors,
            parallel=defaults.ssh.parallel,
            warnings=tuple(self._warnings()),
            files=tuple(self._files(placed, defaults.hooks)),
            groups=groups,
            hooks=defaults.hooks,
            notify=defaults.notify,
        )

    def _groups(
        self, written: Mapping[str, tuple[str, ...]], hosts: tuple[Host, ...]
    ) -> dict[str, tuple[str, ...]]:
        found, mistakes = resolve_groups(written, hosts)
        for name, item, message in mistakes:
            where: Where = ("groups", name)
            items = self.document.value["groups"][name]
            at = items.index(item) if isinstance(items, list) and item in items else None
            self._flaw(where if at is None else (*where, at), message)
        return found

    def _files(self, placed: list[Placed], hooks: Hooks) -> Iterator[Named]:
        for where, text in hooks.files():
            file = LocalFile(where[-1], from_folder(text, self.path.parent))
            yield Named(dotted(where), self.document.line(where), file)
        for host, where in ((one.host, one.where) for one in placed):
            for one in of_host(host):
                key = tuple(one.key.split("."))
                # written on the host, else at the top, where the keys of a login are under ssh:
                places = [(*where, *key), ("ssh", *key), key]
                place = next((p for p in places if self.document.has(p)), key)
                yield Named(dotted(place), self.document.line(place), one)

    def _workers(self, workers: Any, defaults: Defaults) -> list[Placed]:
        if workers is None:
            return []
        if not isinstance(workers, list):
            self._flaw(("workers",), f"expected a list of hosts, got {_kind(workers)}")
            return []
        placed: list[Placed] = []
        for index, worker in enumerate(workers):
            placed += self._hosts(worker, ("workers", index), defaults)
            if len(placed) > ranges.MAX_HOSTS:
                self._flaw(("workers", index), f"more than {ranges.MAX_HOSTS} hosts")
                return []
        return placed

    def _hosts(self, value: Any, where: Where, defaults: Defaults) -> list[Placed]:
        if not isinstance(value, (str, dict)):
            typed = self.document.typed(where)
            hint = "; quote an address in brackets" if isinstance(value, list) else ""
            self._flaw(where, f"expected a host, got {shown(value, typed)}{hint}")
            return []
        entry = self._valid(HostEntry, {"host": value} if isinstance(value, str) else value, where)
        if entry is None:
            return []
        line = self.document.line((*where, "host"))
        role = "head" if where == ("head",) else "worker"
        try:
            hosts = resolve(entry, where, line, role, defaults, self.path.parent)
        except Conflict as conflict:
            self._flaw((*where, conflict.key), str(conflict))
            return []
        return [Placed(host, where) for host in hosts]

    def _valid(
        self,
        model: type[Model],
        value: Mapping[str, Any],
        where: Where,
        described_by: type[BaseModel] | None = None,
    ) -> Model | None:
        """The model; without its wrong keys if it has some; None if what remains is not valid either.

        :param described_by: the model that messages describe, if it is not this one.
        """
        try:
            return model.model_validate(value)
        except ValidationError as error:
            found = list(explain(error, described_by or model, self.document, where))
            self._add(found)
            rest = _without(value, [one["loc"] for one in error.errors(include_url=False)])
        try:
            return model.model_validate(rest)
        except ValidationError:
            return None

    def _add(self, flaws: Iterable[Flaw]) -> None:
        self.flaws += [flaw for flaw in flaws if (flaw.line, flaw.where) not in self._reported]

    def _warnings(self) -> list[str]:
        places: list[Where] = [("ssh",), ("head",)]
        places += [("workers", index) for index in range(len(self.document.value.get("workers") or ()))]
        keys = [(*place, key) for place in places for key in ("password", "sudo_password")]
        keys += [
            (*place, name, key)
            for name, section in SECTIONS.items()
            for key in section.passwords()
            for place in [(), *places[1:]]
        ]
        keys.append(("notify", "webhook"))
        nothing = (None, "", "~", "null", "Null", "NULL")
        plain = [key for key in keys if self.document.has(key) and self.document.typed(key) not in nothing]
        problems = [Problem(self.path, self.document.line(key), dotted(key), PLAIN_PASSWORD) for key in plain]
        return [str(problem) for problem in sorted(problems, key=lambda problem: problem.line)]

    def _flaw(self, where: Where, message: str, line: int | None = None) -> None:
        self._add([Flaw(self.document.line(where) if line is None else line, where, message)])


def _without(value: Mapping[str, Any], places: list[tuple[int | str, ...]]) -> dict[str, Any]:
    """The mapping without the keys at these places; a list with a wrong item is removed as a whole."""
    rest = dict(value)
    for key, *inner in places:
        inside = rest.get(key)
        if inner and inner[0] != "[key]" and isinstance(inside, dict):
            rest[key] = _without(inside, [tuple(inner)])
        else:
            rest.pop(key, None)
    return rest


def _kind(value: object) -> str:
    return (
        "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else "a single value"
    )


def _whole(path: Path, message: str) -> InventoryError:
    return InventoryError([Problem(path, 0, "", message)])


def _error(flaws: list[Flaw], path: Path) -> InventoryError:
    return InventoryError(
        Problem(path, flaw.line, dotted(flaw.where), printable(flaw.message)) for flaw in flaws
    )
