"""What can be completed at the cursor, from the arguments typed so far and the table of tasks. Pure."""

from __future__ import annotations

from collections import namedtuple

# kind: words, list (of words with commas), files, command (completed by the shell, after --) or none.
# A candidate is (text, description); it follows the first `lead` characters of the word that is being typed.
Answer = namedtuple("Answer", "kind title lead items")
NONE = Answer("none", "", 0, [])
FILES = Answer("files", "", 0, [])
COMMAND = Answer("command", "", 0, [])


def answer(table, before, current, hosts, jobs=list) -> Answer:
    """What can be completed at the cursor.

    :param table: made by table.py.
    :param before: the words between the program's name and the word at the cursor, unquoted.
    :param current: the word at the cursor, as far as it is typed.
    :param hosts: returns the list that hosts.py makes; called only if hosts can be completed.
    :param jobs: the same for the ids of jobs.
    """
    line = _Line(table)
    for word in before:
        line.take(word)
    if line.command:
        return COMMAND
    if line.open:
        return _values(line, line.open, current, 0, hosts, jobs)
    if current.startswith("-"):
        name, equals, _ = current.partition("=")
        if not equals:
            return line.flags()
        flag = line.find(name)
        return _values(line, flag, current, len(name) + 1, hosts, jobs) if flag and flag["value"] else NONE
    if line.positional:
        found = _values(line, line.positional[0], current, 0, hosts, jobs)
        if found.items or found.kind == "files" or current:
            return found
    if line.task is None or current:
        return line.tasks()
    return line.flags()


class _Line:
    """What the words before the cursor mean."""

    def __init__(self, table) -> None:
        self.table = table
        self.task = None
        self.positional: list = []
        self.given: set[str] = set()
        self.open = None  # a flag that waits for its value
        self.command = False  # after --

    def take(self, word: str) -> None:
        if self.open and not (self.open["optional"] and word.startswith("-")):
            self.open = None
            return
        self.open = None
        if self.command:
            return
        if word == "--":
            self.command = True
        elif word.startswith("-") and len(word) > 1:
            self._flag(*word.partition("="))
        elif self.positional:
            self.given.add(self.positional.pop(0)["names"][0])
        elif word in self.table["tasks"]:
            self.task = self.table["tasks"][word]
            self.given = set()
            self.positional = [flag for flag in self.task["flags"] if flag["positional"]]

    def _flag(self, name: str, equals: str, value: str) -> None:
        flag = self.find(name)
        if flag is None:
            return
        self.given.add(flag["names"][0])
        self.positional = [other for other in self.positional if other is not flag]
        if flag["value"] and not equals:
            self.open = flag

    def find(self, name: str):
        """A flag of the task, else of the program."""
        for flag in [*(self.task["flags"] if self.task else []), *self.table["core"]]:
            if name in flag["names"]:
                return flag
        return None

    def flags(self) -> Answer:
        """Those that can still be given. With `--help` among them, no other one is completed as the only candidate."""
        own = self.task["flags"] if self.task else []
        left = [flag for flag in own if flag["again"] or flag["names"][0] not in self.given]
        core = [flag for flag in self.table["core"] if flag["shown"]]
        if self.task:
            core = [flag for flag in core if flag["names"][0] == "--help"]
        return Answer("words", "flag", 0, [(flag["names"][0], flag["help"]) for flag in left + core])

    def tasks(self) -> Answer:
        return Answer(
            "words", "task", 0, [(name, task["help"]) for name, task in self.table["tasks"].items()]
        )


def _values(line: _Line, flag, current: str, lead: int, hosts, jobs) -> Answer:
    kind, known = flag["value"]["is"], flag["value"].get("of", [])
    if kind == "files":
        return Answer("files", "", lead, [])
    if kind == "task":
        return line.tasks()._replace(lead=lead)
    if kind == "choice":
        return Answer("words", "value", lead, [(value, "") for value in known])
    if kind == "choices":
        return _listed(current, lead, "value", [(value, "") for value in known])
    if kind == "job":
        return Answer("words", "job", lead, [(id_, "") for id_ in jobs()])
    if kind in ("host", "worker"):
        found = [host for host in hosts() if host[2] in ("worker", "head" if kind == "host" else "worker")]
        return Answer("words", "host", lead, _both(found))
    if kind in ("hosts", "workers"):
        every = hosts()
        roles = ("head", "worker") if kind == "hosts" else ("worker",)
        found = _both([host for host in every if host[2] in roles])
        found += [(name, said) for name, said, role in every if role in ("group", "label")]
        last = current[lead:].rpartition(",")[2].lstrip("!")
        if found or last.startswith("@"):
            found.append(("@failed", "those that failed in the last run"))
        # there are many of them, so they come when their first letter is typed
        if last and "state:".startswith(last[:6]):
            found += [(f"state:{state}", "") for state in known]
        return _listed(current, lead, "host", found)
    return NONE


def _listed(current: str, lead: int, title: str, items: list) -> Answer:
    """The last item of a list with commas, without what is in the list already."""
    *used, last = current[lead:].split(",")
    begin = len(current) - len(last)
    begin += last.startswith("!")
    used = [word.lstrip("!") for word in used]
    return Answer("list", title, begin, [item for item in items if item[0] not in used])


def _both(hosts) -> list:
    """Names with their addresses, then addresses with their names."""
    found = {}
    for name, address, role in hosts:
        found[name] = " ".join(
            filter(None, (role if role == "head" else "", address if address != name else ""))
        )
    for name, address, _ in hosts:
        found.setdefault(address, name)
    return list(found.items())
