"""A stand-in for the command `conda`: as much of it as a deployment and its users touch, over rattler."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from . import places, shell, terms
from .places import ROOT, VERSION, CondaError


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit status."""
    words = sys.argv[1:] if argv is None else argv
    try:
        if words and words[0].startswith("shell."):
            return shell.run(words[0].removeprefix("shell."), words[1:])
        args = _parser().parse_args(words)
        return args.run(args)
    except CondaError as error:
        print(f"\n{error}\n", file=sys.stderr)
        return error.code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("conda", description="a stand-in for conda, over rattler")
    parser.add_argument("-V", "--version", action="version", version=f"conda {VERSION} (stand-in)")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("create", "install"):
        one = _add(commands, name, _transaction)
        _which(one)
        _channels(one)
        one.add_argument("--file", action="append", default=[])
        one.add_argument("packages", nargs="*")
        for flags in (("-y", "--yes"), ("-q", "--quiet"), ("--offline",), ("--dry-run", "-d"), ("--json",)):
            one.add_argument(*flags, action="store_true")
        one.add_argument("--no-default-packages", action="store_true")
    run = _add(commands, "run", _run)
    _which(run)
    run.add_argument("--no-capture-output", "--live-stream", action="store_true")
    run.add_argument("words", nargs=argparse.REMAINDER)
    info = _add(commands, "info", _info)
    for flags in (("--json",), ("--base",), ("-e", "--envs")):
        info.add_argument(*flags, action="store_true")
    listing = _add(commands, "list", _list)
    _which(listing)
    listing.add_argument("--json", action="store_true")
    env = commands.add_parser("env").add_subparsers(dest="env_command", required=True)
    _add(env, "list", _env_list).add_argument("--json", action="store_true")
    remove = _add(env, "remove", _env_remove)
    _which(remove)
    remove.add_argument("-y", "--yes", action="store_true")
    tos = commands.add_parser("tos").add_subparsers(dest="tos_command", required=True)
    _channels(_add(tos, "accept", _tos_accept))
    return parser


def _add(commands, name: str, run) -> argparse.ArgumentParser:
    one = commands.add_parser(name)
    one.set_defaults(run=run)
    return one


def _which(parser: argparse.ArgumentParser) -> None:
    one = parser.add_mutually_exclusive_group()
    one.add_argument("-n", "--name")
    one.add_argument("-p", "--prefix")


def _channels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--channel", action="append", default=[])
    parser.add_argument("-O", "--override-channels", action="store_true")


def _transaction(args) -> int:
    from . import transaction  # rattler takes its time to load

    return transaction.run(args)


def _run(args) -> int:
    prefix = places.existing(args.name, args.prefix)
    words = args.words[1:] if args.words[:1] == ["--"] else args.words
    env = {**os.environ, **shell.variables(prefix)}
    program = shutil.which(words[0], path=env["PATH"]) if words else None
    if program is None:
        raise CondaError("CondaRunError", f"{' '.join(words[:1])}: command not found", 127)
    os.execve(program, words, env)


def _info(args) -> int:
    if args.base:
        print(ROOT)
        return 0
    if args.envs:
        return _env_list(args)
    facts = {
        "conda_version": VERSION,
        "root_prefix": str(ROOT),
        "conda_prefix": str(ROOT),
        "default_prefix": os.environ.get("CONDA_PREFIX") or str(ROOT),
        "active_prefix": os.environ.get("CONDA_PREFIX"),
        "envs": [str(place) for place in places.known()],
        "envs_dirs": [str(place) for place in places.envs_dirs()],
        "pkgs_dirs": [str(place) for place in places.pkgs_dirs()],
        "channels": places.channel_urls([], False),
        "python_version": ".".join(map(str, sys.version_info[:3])) + ".final.0",
        "root_writable": os.access(ROOT, os.W_OK),
        "platform": "linux-64",
        "stand_in": True,
    }
    if args.json:
        print(json.dumps(facts, indent=2))
    else:
        print("".join(f"{name.replace('_', ' '):>24} : {value}\n" for name, value in facts.items()))
    return 0


def _list(args) -> int:
    prefix = places.existing(args.name, args.prefix)
    found = [json.loads(path.read_text()) for path in sorted((prefix / "conda-meta").glob("*.json"))]
    if args.json:
        print(
            json.dumps([{key: one[key] for key in ("name", "version", "channel")} for one in found], indent=2)
        )
    else:
        print(f"# packages in environment at {prefix}:\n#")
        print("".join(f"{one['name']:24} {one['version']:12} {one['build']}\n" for one in found), end="")
    return 0


def _env_list(args) -> int:
    if args.json:
        print(json.dumps({"envs": [str(place) for place in places.known()]}, indent=2))
        return 0
    print("# conda environments:\n#")
    for place in places.known():
        name = "base" if place == ROOT else place.name if place.parent in places.envs_dirs() else ""
        active = "*" if os.environ.get("CONDA_PREFIX") == str(place) else " "
        print(f"{name:22} {active} {place}")
    print()
    return 0


def _env_remove(args) -> int:
    prefix = places.existing(args.name, args.prefix)
    if prefix == ROOT:
        raise CondaError("CondaEnvironmentError", "cannot remove root environment")
    shutil.rmtree(prefix)
    listed = Path.home() / ".conda/environments.txt"
    if listed.exists():
        kept = [line for line in listed.read_text().split("\n") if line and line != str(prefix)]
        listed.write_text("".join(f"{line}\n" for line in kept))
    return 0


def _tos_accept(args) -> int:
    for url in places.channel_urls(args.channel, args.override_channels):
        found = terms.published(url)
        if found:
            terms.accept(url, found)
        print(f"accepted Terms of Service for {url}" if found else f"Terms of Service not found for {url}")
    return 0


def end() -> None:
    """As the program itself: what rattler's threads are still at does not outlive the command."""
    try:
        code = main()
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
