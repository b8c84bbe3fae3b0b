"""The lock of each platform: kept where there is one for the same request, and else made on this machine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Known, Listed
from tasks.runtimes.packages import Unavailable, jobs
from tasks.runtimes.packages.bundle import Bundle
from tasks.runtimes.packages.lock import BadLock, Key, Lock, join, parse, parse_all, subdir
from tasks.runtimes.packages.steps.recipe import Asked, Recipe
from tasks.text.wording import counted

ANYWHERE = "2.17"  # the oldest glibc that Ray's own wheels support


def stop(error: Unavailable) -> Stop:
    """The same error as one that ends the operation."""
    return Stop(str(error), error.hint, error.code)


def open_bundle(run: Run) -> None:
    """Opens the bundle that the command line names, if there is one and it is not open yet."""
    if run.options.bundle is not None and run.learned.bundle is None:
        try:
            run.learned.bundle = Bundle.open(Path(run.options.bundle))
        except Unavailable as error:
            raise stop(error) from None


def lock_file(recipe: Recipe, node: Listed) -> dict[Key, Lock]:
    """The locks in the user's lock file, for all runtimes and platforms that it has."""
    path = recipe.section(node.host).lock
    if path is None or not Path(path).expanduser().exists():
        return {}
    try:
        return parse_all(Path(path).expanduser().read_text("utf-8"))
    except (BadLock, UnicodeDecodeError) as error:
        what = f"{recipe.name}.lock: {path}: {error}"
        raise Stop(what, "fab deploy-cluster --upgrade makes it again", code=2) from None
    except OSError as error:
        raise Stop(f"{recipe.name}.lock: {path}: {error.strerror}", "make it readable", code=2) from None


def locks(
    recipe: Recipe, run: Run, nodes: Sequence[Known], ray: str | None, python: str = ""
) -> dict[str, Lock]:
    """A lock for each platform among the nodes.

    :param ray: the version on the rest of the cluster; None: the newest that supports the Python version.
    :param python: the full version that was chosen for the hosts; '': the recipe chooses it.
    """
    by_platform: dict[str, list[Known]] = {}
    for node in nodes:
        by_platform.setdefault(subdir(node.facts), []).append(node)
    out: dict[str, Lock] = {}
    for platform, group in by_platform.items():
        first = group[0]
        request = recipe.request_of(first.host)
        for other in group:
            if recipe.request_of(other.host) != request:
                raise Stop(
                    f"{first.name} and {other.name} are both {platform}, and ask for other packages or Pythons",
                    f"{recipe.same}: the same for all hosts of one kind of system",
                    code=2,
                )
        found = _kept(recipe, run, group, platform, request)
        if found is not None and python and found.python != python:
            if run.learned.bundle is not None:
                raise Stop(
                    f"the bundle has Python {found.python} for {platform}, and the other hosts have {python}",
                    "make it again: fab bundle --output FILE",
                )
            found = None
        if found is None:
            glibc = _oldest([n.facts.libc for n in group])
            found = make(recipe, run, first, Asked(platform, request, glibc, ray, python))
        found = _completed(recipe, group, found)
        ray = ray or found.ray
        out[platform] = found
    keep_locks(recipe, run, nodes, out)
    return out


def make(recipe: Recipe, run: Run, node: Listed, asked: Asked) -> Lock:
    """Chooses every file of an environment on this machine."""
    with run.console.phase("Resolve versions", 1) as board:
        try:
            lock = recipe.make_lock(run, node, asked, board)
        except Unavailable as error:
            raise stop(error) from None
    size = sum(item.size for item in lock.items) / 1e6
    run.console.ok(
        "Resolve versions",
        f"Ray {lock.ray} on Python {lock.python} for {lock.platform}, "
        f"{counted(len(lock.items), 'package')}, {size:.0f} MB, {board.seconds:.1f} s",
    )
    if lacking := jobs.lacking(lock.ray, lock.python, [item.file for item in lock.items]):
        run.console.note(
            f"the package index has no {' and no '.join(lacking)}: "
            "the runtime_env of jobs cannot install packages with it"
        )
    return lock


def _completed(recipe: Recipe, group: Sequence[Known], lock: Lock) -> Lock:
    try:
        return recipe.complete(group[0].host, group, lock)
    except Unavailable as error:
        raise stop(error) from None


def _oldest(libcs: Sequence[str]) -> str:
    found = [m.group(1) for text in libcs if (m := re.search(r"glibc (2\.\d+)", text))]
    return min(found, key=lambda v: int(v.partition(".")[2]), default=ANYWHERE)


def _kept(recipe: Recipe, run: Run, group: Sequence[Known], platform: str, request: str) -> Lock | None:
    """The lock in the bundle, in the user's file, or on the hosts; in this order."""
    if run.learned.bundle is not None:
        return _from_bundle(recipe, run, platform, request)
    if run.options.upgrade:
        return None
    written = lock_file(recipe, group[0]).get((recipe.name, platform))
    if written is not None:
        if written.request != request:
            raise Stop(
                f"{recipe.section(group[0].host).lock} was made for other packages or another Python than "
                "the hosts file requests",
                "fab deploy-cluster --upgrade makes it again",
                code=2,
            )
        return written
    return installed(recipe, run, platform, request)


def installed(recipe: Recipe, run: Run, platform: str | None, request: str) -> Lock | None:
    """The lock that hosts were installed from for the same request, the head's if possible.

    :param platform: None: any.
    """
    for node in sorted(run.living(Known), key=lambda n: not n.is_head):
        try:
            kept = parse(node.lock_text) if node.lock_text else None
        except BadLock:
            continue
        if kept and kept.key == (recipe.name, platform or kept.platform) and kept.request == request:
            return kept
    found = restored(recipe, run, request)
    return next((lock for lock in found if platform in (None, lock.platform)), None)


def restored(recipe: Recipe, run: Run, request: str) -> list[Lock]:
    """The locks for the same request that `fab restore` has put on the head."""
    head = run.head()
    try:
        found = parse_all("\n".join(head.facts.restored)) if isinstance(head, Known) else {}
    except BadLock:
        return []
    return [lock for lock in found.values() if lock.runtime == recipe.name and lock.request == request]


def _from_bundle(recipe: Recipe, run: Run, platform: str, request: str) -> Lock:
    found = run.learned.bundle.locks.get((recipe.name, platform))
    if found is None:
        there = ", ".join(p for name, p in run.learned.bundle.locks if name == recipe.name)
        raise Stop(
            f"the bundle holds nothing for {platform} with runtime: {recipe.name} (it is for {there or 'others'})",
            f"fab bundle --output FILE --platform {','.join(filter(None, (platform, there.replace(' ', ''))))}",
        )
    if found.request != request:
        raise Stop(
            "the bundle was made for other packages or another Python than the hosts file requests",
            "make it again: fab bundle --output FILE",
        )
    return found


def keep_locks(recipe: Recipe, run: Run, nodes: Sequence[Known], found: dict[str, Lock]) -> None:
    """Writes the locks into the user's lock file, if there is one; other locks in it are kept."""
    path = recipe.section(nodes[0].host).lock
    if path is None or run.options.dry_run:
        return
    everything = lock_file(recipe, nodes[0])
    own = {} if run.options.upgrade else {k: v for k, v in everything.items() if k[0] == recipe.name}
    others = {k: v for k, v in everything.items() if k[0] != recipe.name}
    now = {**others, **own, **{lock.key: lock for lock in found.values()}}
    if now == everything:
        return
    place = Path(path).expanduser()
    part = place.with_name(f".{place.name}.new")
    try:
        part.write_text(join(now.values()), "utf-8")
        part.replace(place)
    except OSError as error:
        what = f"{recipe.name}.lock: {path} cannot be written: {error.strerror}"
        raise Stop(what, "name another file") from None
    run.console.note(
        f"the lock is in {path}: keep it with the hosts file, and every deploy installs the same"
    )
