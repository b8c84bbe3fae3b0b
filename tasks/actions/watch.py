"""What `fab status --watch` does: asks all hosts every few seconds, over connections that stay open."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.text import Text

from tasks.actions import cli
from tasks.actions.status import show
from tasks.phases.connect import connect_again
from tasks.phases.gather_facts import gather_facts
from tasks.phases.read_status import read_status
from tasks.report import events, handover
from tasks.report.console import Console
from tasks.run.failures import failure_of
from tasks.run.kept_lines import KeptLines
from tasks.run.run import Run
from tasks.run.status import as_json as status_of
from tasks.text.wording import counted

SECONDS = 5.0
LOOK = 0.25  # seconds until a terminal of another size is noticed


class Watch:
    """The same hosts, asked again and again."""

    def __init__(self, hosts_file: str | None, debug: bool, console: Console) -> None:
        self.console = console
        cluster = cli.read(hosts_file, console)
        self.run = cli.make_run(cluster, console, "status", debug=debug)
        self.nodes = self.run.every()
        self.kept = KeptLines()
        self.steps = (connect_again(self.kept), gather_facts, read_status)
        self.said: dict[str, Text] = {}
        # rounds print nothing by themselves
        console.quiet, console.held = True, []

    def ask(self) -> dict[str, Any]:
        """Asks all hosts; the data of ``fab status --json``."""
        run = self.run = Run(self.run.cluster, self.console, self.nodes, self.run.settings, self.run.options)
        try:
            for step in self.steps:
                step(run)
        except Exception as error:
            # the next round can be better; what is wrong with a host is in the table
            why = failure_of(error)
            self.said[why.message] = Text(f"✗ {why.message}")
        self.kept.keep(run)
        # each note once, whatever its round
        self.said |= {text.plain: text for text in self.console.held if text.plain.startswith("! ")}
        self.console.held.clear()
        found = status_of(run)
        events.emit("status", status=found)
        return found

    def close(self) -> None:
        self.kept.close()
        self.run.settings.close()


def watch(hosts_file: str | None, as_json: bool, debug: bool) -> int:
    """Asks until Ctrl-C or until nobody reads the output; returns the exit status."""
    out = Console()
    live = out.live and not as_json and not debug
    console = out if live else Console(sys.stderr)
    watched = Watch(hosts_file, debug, console)
    try:
        if live:
            return _on_screen(watched)
        return _in_lines(watched, Console(), as_json)
    except KeyboardInterrupt:
        return 130
    finally:
        watched.close()


def _on_screen(watched: Watch) -> int:
    console, found = watched.console, {}
    try:
        with console.screen() as put:
            put(Text(f"{watched.run.cluster.name}: asking {handover.hosts(len(watched.nodes))}"))
            while not console.gone:
                began = time.monotonic()
                found, at = watched.ask(), time.strftime("%H:%M:%S")
                size = None
                while time.monotonic() - began < SECONDS:
                    if size != console.rich.size:
                        size = console.rich.size
                        put(_picture(watched, found, at))
                    time.sleep(LOOK)
    finally:
        if found and not console.gone:
            # what was seen last stays on the terminal
            console.quiet, console.held = False, None
            show(watched.run, found)
    return 0 if found.get("healthy") else 1


def _picture(watched: Watch, found: Mapping[str, Any], at: str) -> Text:
    """The whole screen: problems come first where not all lines fit, and the verdict is always on it."""
    console = watched.console
    width, height = console.rich.size
    head = Text(f"{watched.run.cluster.name}  {at}, every {SECONDS:.0f} s; Ctrl-C ends it", "dim")
    said = list(watched.said.values())
    if slower := watched.kept.slower():
        names = handover.names(slower, most=4)
        said.append(Text(f"asked less often, every {max(slower.values()):.0f} s at most: {names}", "dim"))
    lines = _lines(watched, found, said, width)
    if len(lines) > height - 2:
        first = sorted(found["nodes"], key=lambda node: bool(node["alive"] and not node["problem"]))
        lines = _lines(watched, {**found, "nodes": first}, said, width)
        end = next((at for at in range(len(lines) - 1, 0, -1) if not lines[at].plain.strip()), len(lines))
        tail = lines[end:][: max(1, height - 6)]
        room = height - 3 - len(tail)
        left = len(lines) - len(tail) - room
        lines = [*lines[:room], Text(f"… {counted(left, 'more line')}: enlarge the terminal", "dim"), *tail]
    return Text("\n").join([head, Text(), *lines])


def _lines(watched: Watch, found: Mapping[str, Any], said: list[Text], width: int) -> list[Text]:
    console = watched.console
    # what is shown here is not an answer of a host, which quiet leaves out
    console.quiet = False
    show(watched.run, found)
    console.quiet = True
    whole, console.held = [*console.held, *said], []
    return [line for text in whole for line in (text.wrap(console.rich, width) if text.plain else [text])]


def _in_lines(watched: Watch, out: Console, as_json: bool) -> int:
    tell: Callable[[Mapping[str, Any]], None]
    tell = _tell_json if as_json else _Changes(watched, out).tell
    while True:
        began = time.monotonic()
        found = watched.ask()
        tell(found)
        if out.gone:
            return 0 if found["healthy"] else 1
        time.sleep(max(0.0, SECONDS - (time.monotonic() - began)))


def _tell_json(found: Mapping[str, Any]) -> None:
    print(json.dumps(found, ensure_ascii=False), flush=True)


class _Changes:
    """For a pipe: the whole table first, then a line for each change."""

    def __init__(self, watched: Watch, out: Console) -> None:
        self.watched, self.out = watched, out
        self.last: dict[str, str] = {}
        self.healthy: bool | None = None

    def tell(self, found: Mapping[str, Any]) -> None:
        now = {node["name"]: _of(node) for node in found["nodes"]}
        if self.healthy is None:
            self.watched.run.console = self.out
            show(self.watched.run, found)
        else:
            at = time.strftime("%H:%M:%S")
            for name in [*now, *(self.last.keys() - now.keys())]:
                if now.get(name) != self.last.get(name):
                    self.out.print(f"{at} {name}: {now.get(name, 'not there any more')}")
            if found["healthy"] != self.healthy:
                verdict = "healthy" if found["healthy"] else "not healthy"
                self.out.print(f"{at} {found['cluster']} is {verdict}")
        self.last, self.healthy = now, found["healthy"]
        self.out.rich.file.flush()


def _of(node: Mapping[str, Any]) -> str:
    state = "alive" if node["alive"] else "down"
    return f"{state}: {node['problem']}" if node["problem"] else state
