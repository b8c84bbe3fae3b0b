"""`conda create` and `conda install`: solved and linked by rattler."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import rattler
from rattler import exceptions
from rattler.package_streaming import PackageArchive

from . import places, terms
from .places import CondaError

# of conda's own: where a package is, and optionally its sum
EXPLICIT = re.compile(
    r"(?P<url>.+/(?P<file>[^/#]+(?:\.tar\.bz2|\.conda)))(?:#(?:(?P<md5>[0-9a-f]{32})|(?:sha256:)?(?P<sha256>[0-9a-f]{64})))?$"
)

BROKEN = (exceptions.InstallerError, exceptions.TransactionError, exceptions.LinkError, exceptions.IoError)


def run(args) -> int:
    """Create an environment, or install into one."""
    urls = places.channel_urls(args.channel, args.override_channels)
    terms.check(urls, args.offline, args.yes)
    new = args.command == "create"
    prefix = places.located(args.name, args.prefix) if new else places.existing(args.name, args.prefix)
    if new and (prefix / "conda-meta").is_dir():
        raise CondaError("CondaValueError", f"prefix already exists: {prefix}")
    cache = next((folder for folder in places.pkgs_dirs() if _writable(folder)), None)
    if cache is None:
        raise CondaError(
            "NoWritablePkgsDirError", f"No writeable pkgs directories configured: {places.pkgs_dirs()}"
        )
    specs = _specs(args)
    try:
        if "@EXPLICIT" in specs:
            records = [_record(spec, cache, args) for spec in specs if spec != "@EXPLICIT"]
        else:
            records = asyncio.run(_solve(urls, specs, prefix, cache, args))
        _show(args, prefix, records)
        if args.dry_run:
            raise CondaError("DryRunExit", "Dry run. Exiting.", 0)
        with _executing(args, prefix if new else None):
            asyncio.run(_link(records, prefix, cache, remove=not new and "@EXPLICIT" not in specs))
    except exceptions.SolverError as error:
        raise _unsolved(str(error), urls) from None
    except (exceptions.GatewayError, exceptions.FetchRepoDataError) as error:
        raise CondaError("CondaHTTPError", f"HTTP 000 CONNECTION FAILED\n{error}") from None
    except (*BROKEN, OSError) as error:
        if "No space left" in str(error):
            raise CondaError("NoSpaceLeftError", "No space left on devices.") from None
        raise CondaError("CondaError", str(error)) from None
    _note(prefix, records)
    places.register(prefix)
    if new and not args.quiet:
        print(f"#\n# To activate this environment, use\n#\n#     $ conda activate {args.name or prefix}\n#")
    return 0


def _unsolved(why: str, urls: Sequence[str]) -> CondaError:
    if missing := re.search(r"No candidates were found for (.+?)\.?$", why):
        text = (
            f"The following packages are not available from current channels:\n\n  - {missing.group(1)}\n\n"
        )
        return CondaError(
            "PackagesNotFoundError", text + "Current channels:\n\n" + "".join(f"  - {u}\n" for u in urls)
        )
    return CondaError("UnsatisfiableError", why)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "urls.txt").touch()
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _specs(args) -> list[str]:
    lines: list[str] = []
    for file in args.file:
        try:
            lines += Path(file).read_text().splitlines()
        except OSError as error:
            raise CondaError("CondaValueError", f"could not parse: {file}: {error.strerror}") from None
    found = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return [*found, *args.packages]


def _record(spec: str, cache: Path, args) -> rattler.RepoDataRecord:
    """One line of an explicit list: its package is in the cache afterwards, and checked."""
    match = EXPLICIT.match(spec if "://" in spec else Path(os.path.abspath(spec)).as_uri())
    if match is None:
        raise CondaError("ParseError", f"Could not parse explicit URL: {spec}")
    url, place = match["url"], cache / match["file"]
    if args.offline and not url.startswith("file:"):
        text = f"EnforceUnusedAdapter called with url {url}.\n"
        raise CondaError("OfflineError", f"{text}This command is using a remote connection in offline mode.")
    try:
        with urllib.request.urlopen(url, timeout=60) as source, place.open("wb") as out:
            shutil.copyfileobj(source, out)
    except OSError as error:
        place.unlink(missing_ok=True)
        if error.errno == errno.ENOSPC:
            raise  # it is the same wherever it happens
        raise CondaError("CondaHTTPError", f"HTTP 000 CONNECTION FAILED for url <{url}>\n{error}") from None
    data = place.read_bytes()
    for kind in ("md5", "sha256"):
        if match[kind] and hashlib.new(kind, data).hexdigest() != match[kind]:
            place.unlink()
            text = f"Conda detected a mismatch between the expected content and downloaded content\nfor url '{url}'."
            raise CondaError("ChecksumMismatchError", text)
    with (cache / "urls.txt").open("a") as urls:
        urls.write(f"{url}\n")
    package = asyncio.run(_package(place, data))
    # what came over the network is not fetched again
    source = url if url.startswith("file:") else place.as_uri()
    return rattler.RepoDataRecord(package, match["file"], source, url.rsplit("/", 2)[0])


async def _package(place: Path, data: bytes) -> rattler.PackageRecord:
    archive = await PackageArchive.from_path(place)
    index = place.with_name(f".{place.name}.json")
    try:
        index.write_bytes(await archive.read_file("info/index.json") or b"")
        return rattler.PackageRecord.from_index_json(
            index, len(data), hashlib.sha256(data).hexdigest(), hashlib.md5(data).hexdigest()
        )
    finally:
        index.unlink(missing_ok=True)


async def _solve(urls: Sequence[str], specs: Sequence[str], prefix: Path, cache: Path, args):
    if args.offline:
        raise CondaError(
            "PackagesNotFoundError", "The following packages are not available: " + ", ".join(specs)
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return await rattler.solve(
            [rattler.Channel(url) for url in urls],
            [rattler.MatchSpec(spec) for spec in specs],
            gateway=rattler.Gateway(cache_dir=cache / "cache"),
            locked_packages=_installed(prefix),
            virtual_packages=rattler.VirtualPackage.detect(),
            add_pip_as_python_dependency=True,
        )


@contextlib.contextmanager
def _executing(args, made: Path | None) -> Iterator[None]:
    """Says how it ends; what was begun of a new environment goes."""
    how = "failed"
    try:
        yield
        how = "done"
    finally:
        if not args.json:
            print(f"Executing transaction: ...working... {how}")
        if how == "failed" and made is not None:
            shutil.rmtree(made, ignore_errors=True)
            print("Rolling back transaction: ...working... done")


async def _link(records, prefix: Path, cache: Path, remove: bool) -> None:
    """remove: what is installed and not among the records goes; an explicit list only adds."""
    kept = set() if remove else {r.name.normalized for r in _installed(prefix)}
    kept -= {r.name.normalized for r in records}
    await rattler.install(records, prefix, cache_dir=cache, show_progress=False, ignored_packages=kept)


def _installed(prefix: Path) -> list[rattler.PrefixRecord]:
    return [rattler.PrefixRecord.from_path(path) for path in sorted((prefix / "conda-meta").glob("*.json"))]


def _show(args, prefix: Path, records) -> None:
    if args.json:
        print(
            json.dumps(
                {"success": True, "prefix": str(prefix), "actions": {"LINK": [r.url for r in records]}}
            )
        )
        return
    if not args.quiet:
        print(f"\n## Package Plan ##\n\n  environment location: {prefix}\n")
        print("".join(f"  {r.name.normalized:20} {r.version}-{r.build}\n" for r in records))
        asked = not args.yes and not args.dry_run and "@EXPLICIT" not in _specs(args)
        if asked and (not sys.stdin.isatty() or input("Proceed ([y]/n)? ").lower()[:1] == "n"):
            raise CondaError("CondaSystemExit", "Exiting.")
    for step in ("Preparing", "Verifying"):
        print(f"{step} transaction: ...working... done")


def _note(prefix: Path, records) -> None:
    """conda-meta/history, by which conda knows an environment."""
    with (prefix / "conda-meta/history").open("a") as out:
        out.write(f"==> {time.strftime('%Y-%m-%d %H:%M:%S')} <==\n# cmd: {' '.join(sys.argv)}\n")
        out.write(f"# conda version: {places.VERSION}\n")
        out.writelines(f"+{record.url}\n" for record in records)
