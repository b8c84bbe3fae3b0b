"""What `fab bundle` does: one file for a site without Internet; or it says what is in such a file."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from invoke import Exit

from tasks.actions import cli, summary
from tasks.commandline import Mistake
from tasks.commandline.version import VERSION
from tasks.environment.home import in_checkout
from tasks.environment.wheels import range_of
from tasks.node.platforms import CONDA, conda_name
from tasks.phases import operation
from tasks.report.console import Console
from tasks.runtimes.packages import Unavailable, whole
from tasks.runtimes.packages.operators import PLATFORMS
from tasks.runtimes.packages.steps.along import Wanted
from tasks.runtimes.packages.steps.bundle import check as something_to_collect
from tasks.runtimes.packages.steps.bundle import collect
from tasks.text.wording import counted, shown

MEGA = 1_000_000
SHOWN = 5  # at most so many damaged files are listed by name


def make(
    output: str | None,
    hosts_file: str | None,
    platform: str | None,
    operator: str | None,
    images: Sequence[str],
    *,
    upgrade: bool,
    debug: bool,
) -> None:
    """Writes a bundle; ends with the contract's status. The arguments are the values of the options."""
    if output is None:
        raise Mistake("bundle needs --output", "fab bundle --output FILE")
    console = Console()
    cluster = cli.read(hosts_file, console)
    platforms = _names("--platform", platform, CONDA)
    operators = _names("--operator", operator, PLATFORMS)
    if operator is None and (own := conda_name(os.uname().sysname, os.uname().machine)) in PLATFORMS:
        operators = [own]
    if not in_checkout():
        if operator is not None:
            raise Mistake(
                "--operator: this program is installed by pip", "make the bundle in a checkout of it"
            )
        console.note(
            "not in the bundle: this program, which pip installed here; a checkout of it adds itself"
        )
        operators = []
    path = Path(output).expanduser()
    if not path.parent.is_dir():
        raise Mistake(f"--output: there is no folder {path.parent}", "create it, or choose another path")
    wanted = Wanted(VERSION, operators, [Path(image).expanduser() for image in images])
    run = cli.make_run(cluster, console, "bundle", debug=debug, upgrade=upgrade, connects=not platforms)
    asking = () if platforms else operation.FACTS
    steps = (something_to_collect(wanted), *asking, collect(path, platforms, wanted))
    cli.finish(run, steps, lambda run: summary.bundled(run, path, has_tool=bool(operators)))


def _names(flag: str, value: str | None, known: Collection[str]) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in (value or "").split(",") if name.strip()))
    if wrong := [name for name in names if name not in known]:
        raise Mistake(f"{flag}: unknown platform {shown(wrong[0])}", f"one of: {', '.join(sorted(known))}")
    return names


def check(file: str) -> None:
    """Says what is in a bundle; ends with status 1 if it is not whole, 2 if it is none."""
    console = Console()
    path = Path(file).expanduser()
    try:
        with console.phase("Check the bundle", 1) as board:
            size = path.stat().st_size // MEGA if path.is_file() else 0
            found = whole.examine(
                path, lambda done: board.step(path.name, f"reading, {done // MEGA} of {size} MB")
            )
    except Unavailable as error:
        raise Mistake(str(error), error.hint) from None
    said = found.said
    console.print(
        f"{path}: {size} MB, made {said['made']} by rayfab {said['version'] or 'of an unknown version'}"
    )
    rows = [
        ("hosts", f"{platform}, runtime {runtime}", what) for runtime, platform, what in found.for_hosts()
    ]
    rows += [("image", f"{name} for {arch}", size) for name, arch, size in found.images()]
    for platform, pythons in said["operators"].items():
        rows.append(("operator", platform, f"Python {range_of(pythons)} on that machine"))
    if rows:
        console.table(["for", "what", "with"], rows)
    if said["operators"] and not found.hosts_file():
        console.note("it holds no hosts file")
    if not said["operators"]:
        console.note("this program is not in it: it must be on the machine that deploys")
    if found.wrong:
        for line in found.wrong[:SHOWN]:
            console.bad(line)
        if len(found.wrong) > SHOWN:
            console.print(f"  and {len(found.wrong) - SHOWN} more")
        console.bad(f"{path} is not whole", "copy it again, or make it again: fab bundle --output FILE")
        raise Exit(code=1)
    console.ok(f"whole: {counted(len(found.sizes), 'file')}, each with its SHA-256")
