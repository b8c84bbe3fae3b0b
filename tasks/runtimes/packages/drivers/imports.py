"""Runs in a new environment's Python (3.7 and later): imports Ray and the packages of the hosts file.

Arguments: the packages as the hosts file has them. Prints a line ``NAME: error`` for each that cannot be imported.
"""

import importlib
import os
import re
import sys
import sysconfig

sys.path = [place for place in sys.path if place]


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except OSError:
        return []


def modules(info):
    """The modules of an installed package: the one with its name, else all that it lists."""
    name = os.path.basename(info).rsplit(".", 1)[0].split("-")[0]
    found = []
    for line in read(os.path.join(info, "RECORD")):
        path = line.split(",")[0].strip('"')
        first, _, rest = path.partition("/")
        if (rest == "__init__.py" or not rest) and re.match(r"[A-Za-z]\w*(\.py)?$", first):
            found.append(first[:-3] if first.endswith(".py") else first)
    found = found or [line.strip() for line in read(os.path.join(info, "top_level.txt")) if line.strip()]
    same = [one for one in found if plain(one) == plain(name)]
    return sorted(set(same or found))


def installed():
    places = {sysconfig.get_paths()[key] for key in ("purelib", "platlib")}
    found = {}
    for place in places:
        for entry in sorted(os.listdir(place)) if os.path.isdir(place) else ():
            if entry.endswith((".dist-info", ".egg-info")):
                found[plain(entry.rsplit(".", 1)[0].split("-")[0])] = os.path.join(place, entry)
    return found


def main():
    there = installed()
    wanted = {"ray": ["ray"]}
    for text in sys.argv[1:]:
        name = re.match(r"[A-Za-z0-9._-]*", text).group(0)
        if plain(name) in there and plain(name) != "ray":
            wanted[name] = modules(there[plain(name)])
    for name, each in wanted.items():
        for module in each:
            try:
                importlib.import_module(module)
            except BaseException as error:  # whatever a package does when it is imported
                said = " ".join(str(error).split())[:300]
                print(f"RF {name}: {type(error).__name__}: {said}")
                break
    print("RF done")


main()
