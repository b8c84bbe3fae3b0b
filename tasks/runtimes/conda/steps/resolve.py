"""`runtime: conda`: one lock for each platform, so that all its hosts install the same files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tasks.inventory import Host
from tasks.inventory.ray_versions import NEWEST_FOR_PYTHON, companions
from tasks.inventory.ray_versions import parse as parse_version
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Known, Listed, Stage
from tasks.runtimes.conda import channels
from tasks.runtimes.packages import Unavailable, pypi
from tasks.runtimes.packages.bundle import Bundle
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.lock import BadLock, Lock, join, parse, parse_all, subdir
from tasks.runtimes.packages.web import Web
from tasks.runtimes.steps import digest_of

# conda removes its own record of a package when pip or uv replaces it
TOOLS = ("certifi", "pip", "setuptools", "wheel")
ANYWHERE = "2.17"  # the oldest glibc that Ray's own wheels support


def request_of(host: Host) -> str:
    """See :meth:`tasks.runtimes.steps.Steps.request_of`."""
    conda = host.conda
    return digest_of([host.ray.version, list(conda.packages), conda.python, list(conda.channels)])


def nodes_of(run: Run, stage: type[Stage] = Listed) -> list[Stage]:
    """All hosts with the runtime conda that have reached this stage, the head first."""
    nodes = [node for node in run.living(stage) if node.host.runtime == "conda"]
    return sorted(nodes, key=lambda node: not node.is_head)


def check_files(run: Run) -> None:
    """Checks before connecting that the terms are accepted, and that the lock file and the bundle can be read."""
    for node in nodes_of(run):
        wanted = [] if node.host.conda.accept_terms else channels.with_terms(node.host)
        if wanted:
            raise _stop(channels.terms_wanted(wanted))
        lock_file(node)
    if run.options.bundle is not None:
        try:
            run.learned.bundle = Bundle.open(Path(run.options.bundle))
        except Unavailable as error:
            raise _stop(error) from None


def _stop(error: Unavailable) -> Stop:
    return Stop(str(error), error.hint, error.code)


def lock_file(node: Listed) -> dict[str, Lock]:
    """The locks in the user's lock file, by platform."""
    path = node.host.conda.lock
    if path is None or not Path(path).expanduser().exists():
        return {}
    try:
        return parse_all(Path(path).expanduser().read_text("utf-8"))
    except (BadLock, UnicodeDecodeError) as error:
        raise Stop(
            f"conda.lock: {path}: {error}", "fab deploy-cluster --upgrade makes it again", code=2
        ) from None
    except OSError as error:
        raise Stop(f"conda.lock: {path}: {error.strerror}", "make it readable", code=2) from None


def locks(run: Run, nodes: Sequence[Known], ray: str | None) -> dict[str, Lock]:
    """A lock for each platform among the nodes.

    :param ray: the version on the rest of the cluster; None: the newest that supports the Python version.
    """
    by_platform: dict[str, list[Known]] = {}
    for node in nodes:
        by_platform.setdefault(subdir(node.facts), []).append(node)
    out: dict[str, Lock] = {}
    for platform, group in by_platform.items():
        first = group[0]
        request = request_of(first.host)
        for other in group:
            if request_of(other.host) != request:
                raise Stop(
                    f"{first.name} and {other.name} are both {platform}, and ask for other packages or Pythons",
                    "conda: {python, packages, channels}: the same for all hosts of one kind of system",
                    code=2,
                )
        found = _kept(run, group, platform, request) or make(
            run, first, platform, glibc=_oldest([n.facts.libc for n in group]), ray=ray, request=request
        )
        ray = ray or found.ray
        out[platform] = found
    _keep(run, nodes, out)
    return out


def _oldest(libcs: Sequence[str]) -> str:
    found = [m.group(1) for text in libcs if (m := re.search(r"glibc (2\.\d+)", text))]
    return min(found, key=lambda v: int(v.partition(".")[2]), default=ANYWHERE)


def _kept(run: Run, group: Sequence[Known], platform: str, request: str) -> Lock | None:
    """The lock in the bundle, in the user's file, or on the hosts; in this order."""
    if run.learned.bundle is not None:
        return _from_bundle(run, platform, request)
    if run.options.upgrade:
        return None
    written = lock_file(group[0]).get(platform)
    if written is not None:
        if written.request != request:
            raise Stop(
                f"{group[0].host.conda.lock} was made for other packages or another Python than "
                "the hosts file requests",
                "fab deploy-cluster --upgrade makes it again",
                code=2,
            )
        return written
    everyone = [n for n in run.living(Known) if subdir(n.facts) == platform and n.lock_text]
    for node in sorted(everyone, key=lambda n: not n.is_head):
        try:
            kept = parse(node.lock_text)
        except BadLock:
            continue  # a lock of the runtime uv
        if kept.platform == platform and kept.request == request:
            return kept
    return None


def _from_bundle(run: Run, platform: str, request: str) -> Lock:
    found = run.learned.bundle.locks.get(platform)
    if found is None:
        there = ", ".join(run.learned.bundle.locks)
        raise Stop(
            f"the bundle holds nothing for {platform} (it is for {there})",
            f"fab bundle --output FILE --platform {platform},{there}",
        )
    if found.request != request:
        raise Stop(
            "the bundle was made for other packages or another Python than the hosts file requests",
            "make it again: fab bundle --output FILE",
        )
    return found


def _keep(run: Run, nodes: Sequence[Known], found: dict[str, Lock]) -> None:
    """Writes the locks into the user's lock file, if there is one; locks of other platforms in it are kept."""
    path = nodes[0].host.conda.lock
    if path is None or run.options.dry_run:
        return
    before = {} if run.options.upgrade else lock_file(nodes[0])
    now = {**before, **found}
    if now == before:
        return
    place = Path(path).expanduser()
    part = place.with_name(f".{place.name}.new")
    try:
        part.write_text(join(now), "utf-8")
        part.replace(place)
    except OSError as error:
        raise Stop(f"conda.lock: {path} cannot be written: {error.strerror}", "name another file") from None
    run.console.note(
        f"the lock is in {path}: keep it with the hosts file, and every deploy installs the same"
    )


def make(
    run: Run, node: Listed, platform: str, *, glibc: str = ANYWHERE, ray: str | None = None, request: str = ""
) -> Lock:
    """Resolves Python from conda's channels and the packages from PyPI's index, on this machine."""
    host, web = node.host, Web.of(node.host)
    sources = channels.urls(host, platform)
    with run.console.phase("Resolve versions", 1) as board:
        try:
            if not host.conda.accept_terms:
                board.step("channels", "asking whether they have terms")
                if wanted := channels.ask_terms(web, sources):
                    raise channels.terms_wanted(wanted)
            board.step("channels", f"choosing Python {host.conda.python} for {platform}")
            with ThreadPoolExecutor(1) as side:
                # with a full version in the hosts file, index and channels are asked at the same time
                early = None
                if host.conda.python.count(".") == 2:
                    early = side.submit(_packages, host, host.conda.python, platform, glibc, ray)
                python, items = channels.solve(
                    sources,
                    platform,
                    host.conda.python,
                    glibc=glibc,
                    web=web,
                    say=lambda text: board.step("channels", text),
                )
                board.step("packages", f"choosing versions for Python {python} on {platform}")
                late = early or side.submit(_packages, host, python, platform, glibc, ray)
                version, packages = late.result()
                conda_s = _tools(items)
                if _others(packages, conda_s):
                    # what conda has installed stays, where it fits
                    version, packages = _packages(host, python, platform, glibc, version, conda_s)
            items = [*items, *(item for item in packages if not _same(item, conda_s))]
        except Unavailable as error:
            raise _stop(error) from None
    size = sum(item.size for item in items) / 1e6
    run.console.ok(
        "Resolve versions",
        f"Ray {version} on Python {python} for {platform}, {len(items)} packages, {size:.0f} MB, {board.seconds:.1f} s",
    )
    return Lock(platform, python, version, request, tuple(items))


def _tools(items: Sequence[Item]) -> dict[str, str]:
    """The versions of the tools that are packages of conda's channels and of PyPI under the same name."""
    named = (item.file.rsplit("-", 2) for item in items if item.kind == "conda")
    return {parts[0]: parts[1] for parts in named if parts[0] in TOOLS}


def _version(item: Item, of: Mapping[str, str]) -> str | None:
    """The version in the name of a wheel; None if it is none of these packages."""
    name, _, rest = item.file.partition("-")
    return rest.partition("-")[0] if item.kind == "wheel" and name.lower() in of else None


def _same(item: Item, of: Mapping[str, str]) -> bool:
    return _version(item, of) == of.get(item.file.partition("-")[0].lower(), "")


def _others(packages: Sequence[Item], of: Mapping[str, str]) -> bool:
    """Whether any of these packages has another version than conda's."""
    return any(_version(item, of) and not _same(item, of) for item in packages)


def _packages(
    host: Host,
    python: str,
    platform: str,
    glibc: str,
    ray: str | None,
    prefer: Mapping[str, str] | None = None,
) -> tuple[str, list[Item]]:
    wanted = [*host.conda.packages, *([f"ray=={ray}"] if ray else [])]
    # an old Ray does not declare all that it needs today; Ray's version can usually be guessed before resolving
    guess = companions(ray or NEWEST_FOR_PYTHON.get(parse_version(python)[:2], "999"))
    found = pypi.resolve(host, [*wanted, *guess], python, platform, glibc, prefer)
    version = pypi.version_of(found, "ray")
    if version is None:
        raise Unavailable("the packages do not include ray", "add ray to conda.packages", code=2)
    if (more := companions(version)) != guess:
        found = pypi.resolve(host, [*wanted, f"ray=={version}", *more], python, platform, glibc, prefer)
    return version, pypi.items(host, found, platform)
