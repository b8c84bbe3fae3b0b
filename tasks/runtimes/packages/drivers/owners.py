"""Lists the files of the environment that runs it (Python 3.7 or newer), each with the package that it belongs to.

A line is ``OWNER<tab>FILE``, with paths relative to the environment. The owner is the file that pip, uv or conda
writes for an installed package and removes with it: ``METADATA`` in its ``.dist-info``, or its file in ``conda-meta``.
``.`` owns what belongs to no package and is always needed, ``~`` what anybody may remove.
"""

import csv
import json
import os
import re
import sys

TOP = sys.argv[1]
PACKAGE = re.compile(r"(?:.*/)?site-packages/[^/]+(\.dist-info/METADATA|\.egg-info/PKG-INFO|\.egg-info)$")
NEEDED = re.compile(r"pyvenv\.cfg|requirements\.lock|(bin/|Scripts/)?python[^/]*")


def listed():
    """All files and links except byte code, which Python writes as it runs."""
    for folder, folders, files in os.walk(TOP):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in files + links:
            if not name.endswith(".pyc"):
                yield os.path.relpath(os.path.join(folder, name), TOP).replace(os.sep, "/")


def recorded(package):
    """The files that an installed Python package lists itself."""
    folder = os.path.dirname(package)
    if package.endswith(".dist-info/METADATA"):
        record = os.path.join(TOP, folder, "RECORD")
        if os.path.exists(record):
            with open(record, encoding="utf-8", newline="") as file:
                for row in csv.reader(file):
                    if row:
                        path = os.path.normpath(os.path.join(os.path.dirname(folder), row[0]))
                        yield path.replace(os.sep, "/")


def owners():
    there = set(listed())
    owner = {}
    for package in filter(PACKAGE.match, there):
        owner[package] = package
        owner.update((path, package) for path in recorded(package) if path in there)
    # who installs the same version again keeps other records
    for path in there:
        if ".dist-info/" in path and not PACKAGE.match(path):
            owner[path] = "~"
    for meta in [path for path in there if re.match(r"conda-meta/[^/]+\.json$", path)]:
        with open(os.path.join(TOP, meta), encoding="utf-8") as file:
            files = json.load(file).get("files", [])
        packages = [path for path in files if PACKAGE.match(path)]
        # conda removes its own record of a Python package that pip or uv has replaced
        owner[meta] = "~" if packages else meta
        here = [path for path in packages if path in there]
        keeper = here[0] if here else "~" if packages else meta
        for path in files:
            if path in there:
                owner.setdefault(path, keeper)
    for path in there:
        owner.setdefault(path, "." if NEEDED.fullmatch(path) else "~")
    return owner


text = "".join(f"{who}\t{path}\n" for path, who in sorted(owners().items()))
with open(os.path.join(TOP, ".owners.new"), "w", encoding="utf-8", newline="\n") as out:
    out.write(text)
os.replace(os.path.join(TOP, ".owners.new"), os.path.join(TOP, ".owners"))
