"""Made-up hosts that answer scripts by their titles, and remember what was done to them."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Iterable
from typing import Any

from tasks.runtimes.packages import Unavailable, pypi
from tasks.runtimes.packages.items import Item
from tasks.ssh import Answer, Target, Unreachable

choose = pypi.choose
NO_NODES = '{"done": true, "ray": "2.52.0", "python": "3.11.2"}'


def wheel(file: str) -> Item:
    """A wheel that exists in name only."""
    return item("wheel", file)


def item(kind: str, file: str, url: str | None = None) -> Item:
    """A file that exists in name only; its name is its content."""
    sha256 = hashlib.sha256(file.encode()).hexdigest()
    return Item(kind, file, sha256, len(file), url or f"https://mirror.example/{file}")


def said(values: Iterable[tuple[str, str]] = (), texts: dict[str, list[str]] | None = None) -> Answer:
    """The answer of a script that came to its own good end."""
    every: dict[str, list[str]] = {}
    for key, value in values:
        every.setdefault(key, []).append(value)
    return Answer(
        ok=True, status=0, values={k: v[-1] for k, v in every.items()}, all=every, texts=texts or {}
    )


def refused(error: str, hint: str = "", log: Iterable[str] = ()) -> Answer:
    """The answer of a script that found something wrong and said so."""
    answer = said([("error", error), ("hint", hint)], {"log": list(log)})
    answer.ok, answer.status, answer.error, answer.hint = False, 1, error, hint
    return answer


def value(script: str, name: str) -> str:
    """The value that a script gives to a variable of one line."""
    return shlex.split(re.search(rf"^{name}=(.*)$", script, re.MULTILINE).group(1))[0]


def block(script: str, name: str) -> str:
    """The same for a value of several lines, as long as no quote stands in it."""
    return re.search(rf"^{name}='?([^']*)'?$", script, re.MULTILINE).group(1)


def long(script: str, name: str) -> str:
    """The same for a value of several lines, whatever stands in it."""
    rest = script[script.index(f"\n{name}=") + len(name) + 2 :]
    words = re.match(r"""(?:'[^']*'|"[^"]*"|\\.|[^'\\\s])*""", rest)
    return shlex.split(words.group(0) or "''")[0]


class FakeHost:
    """One host. ``replies`` holds, by title, what it says instead; ``titles`` is all that it was asked."""

    def __init__(self, world: World, name: str, address: str) -> None:
        self.world, self.name, self.address = world, name, address
        self.reachable = True
        self.joins = True
        self.state: dict[str, Any] | None = None
        self.active = False
        self.supervisor = "inactive"  # what the state of a node that is not active is called
        self.envs: set[str] = set()
        self.token = ""
        self.kept: list[str] = []  # the state of its GCS, in Base64
        self.history: list[str] = []
        self.jobs: list[str] = []
        self.restored: list[str] = []  # the locks that a restore has put there
        self.deployed = ""  # what it remembers of the hosts that were deployed
        self.facts: dict[str, str] = {}
        self.closed: dict[str, str] = {}  # what a connection to a host says, if it is not open
        self.firewall = ""
        self.tried: list[list[str]] = []
        self.starts: list[str] = []  # the last ones, as `date` prints them
        self.pythons = ["3.11.2"]
        self.image: tuple[str, str] | None = None
        self.replies: dict[str, Callable[[str], Answer] | Answer | BaseException] = {}
        self.titles: list[str] = []
        self.store: set[str] = set()
        self.reaches_out = True  # whether it can fetch packages
        self.carried: list[str] = []
        self.files: dict[str, bytes] = {}  # what was carried from memory
        self.installed: list[list[str]] = []
        self.hold = ""  # the text of its file
        self.lock = ""  # of the newest environment
        self.locks: dict[str, str] = {}
        self.conda = "conda 24.1.2 /opt/conda/bin/conda"
        self.records: dict[str, str] = {}  # what can be started again, as kept.sh writes it
        self.starts_ray = ""  # the only version of Ray that starts here; '': any
        self.step: Callable[[str], None] | None = None  # shows a progress text of the script that runs

    def answer(self, script: str) -> Answer:
        title = re.match(r"# rayfab: (.*)", script).group(1)
        self.titles.append(title)
        reply = self.replies.get(title)
        if isinstance(reply, BaseException):
            raise reply
        if reply is not None:
            return reply(script) if callable(reply) else reply
        own = {
            "gather facts": self._facts,
            "install Ray with uv": self._install,
            "fetch packages": self._fetch,
            "install Ray with conda": self._install,
            "serve the packages to the others": lambda script: said([("port", "19999")]),
            "end the serving": lambda script: said(),
            "try the ports between the hosts": self._reach,
            "get the image": self._image,
            "get the cluster's token": self._token,
            "start the head": self._start,
            "start the worker": self._start,
            "check running work": self._work,
            "read what the head keeps": self._kept,
            "put back what the head kept": self._put_back,
            "run a task on every node": self._table,
            "read Ray's node table": self._table,
            "read logs": self._logs,
            "stop Ray": self._stop,
            "read what can be started again": self._records,
            "read the lock": lambda script: said(texts={"requirements": self._lock().splitlines()}),
            "import Ray and the packages": lambda script: said(),
            "begin the switch": self._stage,
            "keep what ran before": self._stage,
            "remove what was not started": self._stage,
            "remove everything": self._destroy,
            "release the lock": self._unlock,
            "hold the node back": self._hold,
            "end the hold": self._hold,
            "drain": self._drain,
        }
        return own[title](script)

    def _facts(self, script: str) -> Answer:
        values = {
            "uname": "Linux 6.1.0 x86_64",
            "hostname": self.name,
            "id": "uid=0(root) gid=0(root) groups=0(root)",
            "home": "/root",
            "ssh_connection": f"10.0.0.99 50000 {self.address} 22",
            "clock": "1800000000",
            "libc": "glibc 2.36",
            "mem_MemTotal:": str(8 << 20),
            "machine-id": self.name,
            "boot_id": self.name,
            "home_writable": "1",
            "tmp_writable": "1",
            "systemd": "1",
            **self.facts,
        }
        if "\nHOLDER=" in script:
            if self.world.held_by:
                return said([("held", self.world.held_by)])
            self.world.held_by = value(script, "HOLDER")
            values["locked"] = "1"
        if self.state is not None:
            values |= {"state": json.dumps(self.state), "service": self.state["service"]}
            values["active"] = "active" if self.active else self.supervisor
            if self.deployed:
                values["deployed"] = self.deployed
        if self.hold:
            values["hold"] = self.hold
        if self.conda:
            values["conda"] = self.conda
        texts = {
            "ip_addr": [f"2: eth0    inet {self.address}/24 brd 10.0.0.255 scope global eth0\\"],
            "starts": self.starts,
            "restored": self.restored,
            "requirements": self._lock().splitlines() if self.envs else [],
        }
        if self.image:
            values["image_versions"] = " ".join(self.image)
            texts["image"] = ["sha256:abc linux/amd64"]
        several = [("python", f"Python {v} /usr/bin/python{v}") for v in self.pythons]
        return said([*values.items(), *several, *(("env", e) for e in self.envs)], texts)

    def _lock(self) -> str:
        return self.locks.get((self.state or {}).get("env", ""), self.lock)

    def _fetch(self, script: str) -> Answer:
        lines = [line.split() for line in block(script, "ITEMS").splitlines()]
        seed = next((h for h in self.world.hosts.values() if f"http://{h.address}:" in script), None)
        missing = []
        for _, file, _, _, url in lines:
            if (file in seed.store) if seed else (url != "-" and self.reaches_out):
                self.store.add(file)
            if file not in self.store:
                missing.append(("missing", file))
        return said(missing, {"log": ["could not resolve host"] if missing else []})

    def _install(self, script: str) -> Answer:
        fetched = self._fetch(script)
        if "missing" in fetched.values:
            return fetched
        self.installed = [line.split()[:2] for line in block(script, "ITEMS").splitlines()]
        self.lock = self.locks[value(script, "ENV_ID")] = block(script, "LOCK")
        self.envs |= {value(script, "ENV_ID")}
        return said([("changed", "1")])

    def _image(self, script: str) -> Answer:
        self.image = ("2.52.0", "3.11.2", "1000:1000")
        return said(
            [("changed", "1"), ("image_versions", "2.52.0 3.11.2 1000:1000")], {"image": ["sha256:abc x"]}
        )

    def _token(self, script: str) -> Answer:
        self.token = self.token or "5ecret"
        return said([("token", self.token)])

    def _kept(self, script: str) -> Answer:
        texts = {"kept": self.kept, "history": self.history, "job": self.jobs}
        return said(
            [("token", self.token)] if self.token else [],
            {name: text for name, text in texts.items() if text},
        )

    def _put_back(self, script: str) -> Answer:
        self.restored = block(script, "LOCKS").splitlines()
        self.history = long(script, "HISTORY").splitlines()
        self.jobs = self.files.pop("kept.jobs", b"").decode().splitlines()
        self.token = self.world.secrets_seen[-1][1]["RF_TOKEN"].reveal()
        return said()

    def _start(self, script: str) -> Answer:
        state = json.loads(value(script, "STATE"))
        if self.starts_ray not in ("", state["ray"]):
            self.state = {**state, "hash": ""}
            return refused("ray start failed twice", log=["ValueError: unknown option --old"])
        self.state, self.active, self.hold = state, True, ""
        if not value(script, "TRYING"):
            self._keep(long(script, "RECORD"), "")
        address = [f"  ray start --address='{self.state['head']}'"] if "head" in script.split("\n")[0] else []
        return said([], {"address": address})

    def _keep(self, record: str, how: str) -> None:
        before = self.records.get("started", "")
        same = before.split(" ")[:1] == record.split(" ")[:1]
        if how and before:
            self.records["previous"] = before
        elif not how and not same:
            self.records.pop("previous", None)
        line, _, rest = record.partition("\n")
        self.records["started"] = f"{line} 1800000000\n{rest}"
        self.records.pop("trying", None)
        self._tidy()

    def _tidy(self) -> None:
        self.envs &= {text.split(" ")[0] for text in self.records.values()}

    def _stage(self, script: str) -> Answer:
        stage = value(script, "STAGE")
        if stage == "settle":
            self._keep(long(script, "RECORD"), "keep")
        elif stage == "begin":
            self.records["trying"] = "1"
        else:
            self.records.pop("trying", None)
            self._tidy()
        return said()

    def _records(self, script: str) -> Answer:
        texts = {name: text.splitlines() for name, text in self.records.items() if name != "trying"}
        return said([("trying", "1")] if "trying" in self.records else [], texts)

    def _reach(self, script: str) -> Answer:
        """What a host says whose ports are open; ``closed`` has what it says of ports of others."""
        self.tried = [line.split() for line in block(script, "TARGETS").splitlines()]
        listens = [("listen", port) for port in value(script, "LISTEN").split()]
        values = [("firewall", self.firewall)] if self.firewall else []
        for name, _, port, _ in self.tried:
            values.append(("reach", f"{name} {port} {self.closed.get(name, 'open')}"))
        return said([*listens, *values])

    def _table(self, script: str) -> Answer:
        tasks = json.loads(value(script, "SPEC"))["tasks"]
        lines = [json.dumps(entry) for entry in self.world.table(tasks)]
        return said([], {"answer": [*lines, NO_NODES]})

    def _work(self, script: str) -> Answer:
        return said([], {"answer": [json.dumps(one) for one in [*self.world.work, {"done": True}]]})

    def _logs(self, script: str) -> Answer:
        return said([], {"log:raylet.out": [f"the log of {self.name}"]})

    def _stop(self, script: str) -> Answer:
        was, self.active = self.active, False
        return said([("changed", str(int(was)))])

    def _hold(self, script: str) -> Answer:
        self.hold = value(script, "HOLD")
        return said()

    def _drain(self, script: str) -> Answer:
        """Nodes leave at once, except those that are ``busy``."""
        spec = json.loads(value(script, "SPEC"))
        assert all(self.world[name].hold for name, _, _ in spec["nodes"])
        self.world.drained.append(spec)
        lines = [
            {"node": name, "left": None if name in self.world.busy else 1.5} for name, _, _ in spec["nodes"]
        ]
        return said([], {"answer": [json.dumps(one) for one in [*lines, {"done": True}]]})

    def _destroy(self, script: str) -> Answer:
        was, self.state, self.active, self.envs = self.state, None, False, set()
        self.deployed, self.token, self.restored = "", "", []
        self.history, self.jobs = [], []
        return said([("changed", str(int(was is not None)))])

    def _unlock(self, script: str) -> Answer:
        assert value(script, "HOLDER") == self.world.held_by
        self.world.held_by = ""
        if "\nDEPLOYED=" in script:
            self.deployed = value(script, "DEPLOYED")
        return said()


class FakeConnection:
    """What :func:`tasks.ssh.connect` would give; ``execs`` counts as the real one does."""

    system = "posix"
    why = ""

    def __init__(self, host: FakeHost, secrets_seen: list) -> None:
        self.host, self._secrets_seen = host, secrets_seen
        self.execs, self.closed, self.cancelled = 0, False, False

    def text_of(self, script) -> str:
        return script.text

    def ask(self, script, *, secrets, timeout, on_step=None, on_line=None) -> Answer:
        self.execs += 1
        self._secrets_seen.append((self.host.name, dict(secrets)))
        self.host.step = on_step
        return self.host.answer(script.text)

    def carry(self, source, path, *, mode=0o600, on_bytes=None, timeout=60.0) -> None:
        name = path.rpartition("/")[2]
        self.host.carried.append(name)
        if isinstance(source, bytes):
            self.host.files[name] = source
        self.host.store.add(name)

    def cancel(self) -> None:
        self.cancelled = True

    def close(self) -> None:
        self.closed = True


class World:
    """All hosts, Ray's node table, and whose lock it is."""

    def __init__(self) -> None:
        self.hosts: dict[str, FakeHost] = {}
        self.held_by = ""
        self.strangers: list[dict[str, Any]] = []
        self.work: list[dict[str, Any]] = []  # what is running on Ray
        self.drained: list[dict[str, Any]] = []  # what Ray was asked to drain, in order
        self.busy: set[str] = set()  # nodes whose work does not end
        self.compiled: list[str | None] = []
        self.builds = ["3.11.2"]  # the versions of Python of which there is a build
        self.connections: list[FakeConnection] = []
        self.secrets_seen: list = []

    def add(self, name: str, address: str) -> FakeHost:
        self.hosts[address] = FakeHost(self, name, address)
        return self.hosts[address]

    def __getitem__(self, name: str) -> FakeHost:
        return next(h for h in self.hosts.values() if h.name == name)

    def connect(self, target: Target, settings: object, tell: object = None) -> FakeConnection:
        host = self.hosts[target.host]
        if not host.reachable:
            raise Unreachable(f"{target.host} port 22: timed out after 10 s", "is it on?")
        self.connections.append(FakeConnection(host, self.secrets_seen))
        return self.connections[-1]

    def choose(self, host, packages, section, *, ray, **more) -> tuple[str, list[Item]]:
        """In place of uv's resolver, for the runtime uv."""
        if section != "uv":
            return choose(host, packages, section, ray=ray, **more)
        self.compiled.append(ray)
        ray = ray or "2.52.0"
        if not any(name.startswith("ray") for name in packages):
            raise Unavailable("the packages do not include ray", "add ray to uv.packages", code=2)
        return ray, [wheel(f"ray-{ray}-py3-none-any.whl"), wheel("click-8.1.8-py3-none-any.whl")]

    def table(self, tasks: bool) -> list[dict[str, Any]]:
        """Ray's own node table: every node that runs and has joined."""
        out = [
            node(h.state["node_ip"], h.state["start"]["args"]["--node-name"])
            for h in self.hosts.values()
            if h.state and h.active and h.joins
        ] + self.strangers
        return [{**entry, "task": {"ray": "2.52.0"}} for entry in out] if tasks else out

    def execs(self) -> dict[str, int]:
        """How many exec channels each host was asked for, over all connections."""
        return {h.name: len(h.titles) for h in self.hosts.values()}

    def forget_titles(self) -> None:
        for host in self.hosts.values():
            host.titles.clear()


def node(ip: str, name: str = "", *, alive: bool = True, cpus: float = 4.0, **more: Any) -> dict[str, Any]:
    """An entry of Ray's node table, as the driver on the head hands it over."""
    resources = {"CPU": cpus} if alive else {}
    return {"node_ip": ip, "name": name, "alive": alive, "resources": resources, "reason": "", **more}
