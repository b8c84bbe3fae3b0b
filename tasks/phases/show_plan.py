"""Show the plan: what would be done on each host and why, and the scripts that would do it."""

from __future__ import annotations

from rich.text import Text

from tasks.phases.install import install_script
from tasks.phases.start import start_script
from tasks.run.run import Run
from tasks.run.stages import Planned
from tasks.run.step import step
from tasks.runtimes.docker.steps import engine
from tasks.runtimes.packages.steps import kits
from tasks.runtimes.packages.steps.kits import Kits
from tasks.script.script import Script


@step("Show every script of the plan")
def show_scripts(run: Run) -> None:
    """Each as it would be run."""
    made = Kits(run)
    for node in run.chosen(Planned):
        for script in _scripts(run, node, made):
            run.console.print(Text(f"\n### {node.name}: {script.title}", style="bold"))
            run.console.raw(node.connection.text_of(script))


@step("Show the plan")
def show_plan(run: Run) -> None:
    run.console.print()
    rows = [(node.name, node.change.what, "; ".join(node.change.why)) for node in run.chosen(Planned)]
    run.console.table(("host", "plan", "why"), rows)
    if run.record.ends:
        run.console.print()
        run.console.note("running work that would end:")
        for line in run.record.ends:
            run.console.print(f"    {line}")
    run.console.print()


def _scripts(run: Run, node: Planned, made: Kits) -> list[Script]:
    """The scripts that make this host's change, in order."""
    out = [engine.script(run, node)] if engine.lacks_docker(node) else []
    if node.change.install and node.host.runtime == "conda":
        kit = made.of(node)
        out.append(kits.fetching(node, run.cluster.name, kit.items))
        out.append(kits.script(run, node, kit))
    elif node.change.install:
        out.append(install_script(run, node))
    if node.change.start:
        out.append(start_script(run, node, "***"))
    return out
