"""Cold deploy of three fresh hosts: fab deploy-cluster, the same by hand, and Ray's own `ray up`."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import by_hand
import measure
import ray_up
import stage
from by_hand import Recipe

from tasks.inventory import load

TARGET = 0.9
FAB, HAND = "fab deploy-cluster", "by hand, parallel ssh"


class Cold:
    """Every run begins with new machines and a new home."""

    def __init__(self, lab: stage.Lab, count: int) -> None:
        self.lab, self.count = lab, count
        self.recipe: Recipe | None = None
        self.phases: list[dict[str, float]] = []
        self.by_hand_alive: list[int] = []
        self.worked: dict[str, list[float]] = {FAB: [], HAND: []}

    def fab(self) -> float:
        hosts = stage.fresh(self.lab, self.count)
        with stage.operator(hosts) as who:
            before = measure.cpu_seconds()
            lines = who.fab("deploy-cluster")
            self.worked[FAB].append(measure.cpu_seconds() - before)
            self.recipe = self.recipe or Recipe.of(hosts[0], load(who.file))
        self.phases.append(stage.phases(lines))
        return lines[-1][0]

    def hand(self) -> float:
        hosts = stage.fresh(self.lab, self.count)
        with stage.operator(hosts) as who:
            before = measure.cpu_seconds()
            seconds = measure.timed(lambda: by_hand.deploy(who, hosts, self.recipe))
            self.worked[HAND].append(measure.cpu_seconds() - before)
        self.by_hand_alive.append(by_hand.alive(hosts[0]))
        return seconds

    def ray_up(self, ray: Path, variant: str) -> ray_up.Reached:
        hosts = stage.fresh(self.lab, self.count)
        ray_up.prepare(hosts)
        with stage.operator(hosts) as who:
            return ray_up.deploy(ray, who, hosts, self.recipe, variant)


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--runs", type=int, default=5)
    args.add_argument("--ray-up-runs", type=int, default=1, help="of each of two variants")
    args.add_argument("--hosts", type=int, default=3)
    args.add_argument("--no-warm-up", action="store_true", help="let the first runs fill the index's caches")
    asked = args.parse_args()
    about = measure.machine()
    with stage.lab() as lab, tempfile.TemporaryDirectory(prefix="rayfab-bench-") as folder:
        cold = Cold(lab, asked.hosts)
        measure.say(f"warm-up (the way to the package index; not counted): {cold.fab():.1f} s")
        if not asked.no_warm_up:
            cold.hand()
        cold.phases.clear()
        cold.by_hand_alive.clear()
        cold.worked = {FAB: [], HAND: []}
        seconds = measure.alternate({FAB: cold.fab, HAND: cold.hand}, asked.runs)
        ups = []
        if asked.ray_up_runs:
            ray = ray_up.get_ray(Path(folder), cold.recipe.ray)
            for variant in asked.ray_up_runs * (ray_up.AS_IT_COMES, ray_up.OLD):
                ups.append(cold.ray_up(ray, variant))
                measure.say(f"ray up: {ups[-1]}")
    found = {
        "versions": {"Ray": cold.recipe.ray},
        "seconds": seconds,
        "ratio": measure.ratios(seconds, HAND)[FAB],
        "target": TARGET,
        "cpu_seconds": cold.worked,
        "phases": cold.phases,
        "by_hand_alive": cold.by_hand_alive,
        "ray_up": [vars(up) for up in ups],
    }
    measure.save("cold_deploy", found, about, tables(found, asked.hosts))


def tables(found: dict, count: int) -> str:
    fab, hand = found["seconds"][FAB], found["seconds"][HAND]
    met = "met" if found["ratio"] <= TARGET else "MISSED"
    after = f"{min(found['by_hand_alive'])} of {count} (looked up afterwards)"
    cores = os.cpu_count() or 1
    worked = {name: measure.median(found["cpu_seconds"][name]) for name in (FAB, HAND)}
    shares = {name: worked[name] / measure.median(found["seconds"][name]) / cores for name in worked}
    busy = {name: f"{worked[name]:.1f} ({shares[name]:.0%} of {cores} cores)" for name in worked}
    rows = [
        [
            FAB,
            measure.spread(fab),
            f"{found['ratio']:.2f}",
            busy[FAB],
            f"{count} of {count}, a task ran on each",
        ],
        [HAND, measure.spread(hand), "1.00", busy[HAND], after],
    ]
    for up in found["ray_up"]:
        last = max(up["joined"]) if all(up["joined"]) else None
        reached = f"{up['alive']} of {count} (waited {ray_up.CAP} s at most); up at "
        reached += ", ".join(f"{s:.0f} s" if s else "never" for s in up["joined"])
        reached += f"; said success after {up['success']:.0f} s" if up["success"] else "; said no success"
        seconds, ratio = (f"{last:.2f}", f"{last / measure.median(hand):.2f}") if last else ("-", "-")
        rows.append([f"`ray up`, {up['variant']}, until its last node is up", seconds, ratio, "-", reached])
    runs = f"Medians of {len(fab)} runs each (least-most), alternating. "
    runs += f"Ratio: target at most {TARGET}, **{met}**."
    whole = measure.table(["", "seconds", "ratio", "CPU seconds", "nodes alive"], rows)
    titles = list(dict.fromkeys(title for run in found["phases"] for title in run))
    spent = [(t, measure.median([run.get(t, 0.0) for run in found["phases"]])) for t in titles]
    parts = measure.table(["phase", "seconds (median)"], [[t, f"{s:.2f}"] for t, s in spent])
    return f"{runs}\n\n{whole}\n\nWhere `fab deploy-cluster` spends it:\n\n{parts}"


if __name__ == "__main__":
    main()
