"""Show the plan: what would be done on each host and why, and the scripts that would do it."""

from __future__ import annotations

from rich.text import Text

from tasks.run.run import Run
from tasks.run.stages import Planned
from tasks.run.start import start_script
from tasks.run.step import step
from tasks.runtimes.steps.install import Installations


@step("Show every script of the plan")
def show_scripts(run: Run) -> None:
    """Prints each script as it would be sent."""
    with Installations(run) as installations:
        for node in run.chosen(Planned):
            scripts = installations.scripts(node) if node.change.install else []
            if node.change.start:
                scripts.append(start_script(run, node, "***"))
            for script in scripts:
                run.console.print(Text(f"\n### {node.name}: {script.title}", style="bold"))
                run.console.raw(node.connection.text_of(script))


@step("Show the plan")
def show_plan(run: Run) -> None:
    run.console.print()
    rows = [(node.name, node.change.what, "; ".join(node.change.why)) for node in run.chosen(Planned)]
    run.console.table(("host", "plan", "why"), rows, fold=True)
    if run.record.ends:
        run.console.print()
        run.console.note("running work that would end:")
        for line in run.record.ends:
            run.console.print(f"    {line}")
    run.console.print()
