"""The time of one TAB in bash: tasks, and hosts of small and large hosts files, compared with Fabric's completion."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import measure

ROOT = measure.BENCH.parent
TARGET = 0.15  # seconds
TASKS, FABRIC = "tasks", "tasks, by Fabric itself (`fab --complete`)"
FLAGS = "flags of a task"
HOSTS = (3, 500)
STALE = "tasks, after a source has changed"


class Bash:
    """A bash in which completion functions are called as by a TAB."""

    def __init__(self, env: dict[str, str]) -> None:
        argv = ["bash", "--noprofile", "--norc"]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, cwd=ROOT
        )

    def run(self, script: str) -> str:
        """One line of output."""
        self.process.stdin.write(script + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def tab(self, function: str, line: str, candidates: int) -> float:
        """Seconds from the key to the candidates."""
        words = shlex.split(line) + ([""] if line.endswith(" ") else [])
        self.run(
            f"COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)} COMP_CWORD={len(words) - 1}"
            f" COMP_WORDS=({shlex.join(words)}); echo"
        )
        said = self.run(
            f"a=$EPOCHREALTIME; {function} {words[0]} {shlex.quote(words[-1])} ''; b=$EPOCHREALTIME;"
            " echo $a $b ${#COMPREPLY[@]}"
        ).split()
        if int(said[2]) < candidates:
            sys.exit(f"{line!r} has {said[2]} candidates")
        return float(said[1]) - float(said[0])


def hosts_file(path: Path, count: int) -> Path:
    """The head, and workers with one or two keys, as in a typical hosts file."""
    workers = [
        f"  - host: 10.0.{n // 250}.{n % 250 + 2}\n    name: node{n:03}\n    gpus: 1" for n in range(1, count)
    ]
    path.write_text(
        "cluster: lab\nhead: {host: 10.0.0.1, name: boss}\nworkers:\n" + "\n".join(workers) + "\n"
    )
    return path


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--runs", type=int, default=20)
    runs = args.parse_args().runs
    about = measure.machine()
    python = Path(sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        env = {"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": folder}
        fab = [str(python), str(ROOT / "tasks")]
        ours = subprocess.run(
            [*fab, "completion", "bash"], env=env, capture_output=True, text=True, check=True
        ).stdout
        theirs = subprocess.run(
            ["fab", "--print-completion-script", "bash"], env=env, capture_output=True, text=True, check=True
        ).stdout
        # each has its own bash, so that they do not affect each other
        one, other = Bash(env), Bash(env)
        one.run(f"{ours}\necho")
        other.run(f"{theirs}\necho")
        files = {count: hosts_file(Path(folder, f"{count}.yml"), count) for count in HOSTS}

        def stale() -> float:
            for table in Path(folder).glob(".cache/rayfab/*.json"):
                table.unlink()
            return one.tab("_rayfab", "fab ", 10)

        contenders = {
            TASKS: lambda: one.tab("_rayfab", "fab ", 10),
            FLAGS: lambda: one.tab("_rayfab", "fab logs --", 5),
            **{
                f"hosts, of {count}": lambda file=file, count=count: one.tab(
                    "_rayfab", f"fab check --hosts-file {file} --limit ", count
                )
                for count, file in files.items()
            },
            STALE: stale,
            FABRIC: lambda: other.tab("_complete_fab", "fab ", 10),
        }
        seconds = measure.alternate(contenders, runs)
    measure.save("completion", {"seconds": seconds}, about, tables(seconds))


def tables(seconds: dict[str, list[float]]) -> str:
    ratios = measure.ratios(seconds, FABRIC)
    usual = [measure.median(found) for name, found in seconds.items() if name not in (FABRIC, STALE)]
    met = "met" if max(usual) < TARGET else "MISSED"
    rows = [[name, measure.spread(found), f"{ratios[name]:.2f}"] for name, found in seconds.items()]
    said = f"Seconds, medians of {len(seconds[TASKS])} TABs (least-most), alternating. "
    said += f"Less than {TARGET} s for tasks, flags and hosts: {max(usual):.3f}, **{met}**."
    return f"{said}\n\n{measure.table(['what is completed', 'seconds', 'ratio to Fabric'], rows)}"


if __name__ == "__main__":
    main()
