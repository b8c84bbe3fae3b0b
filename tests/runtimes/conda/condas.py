"""Stand-ins for Miniconda's installer and for conda itself, and small real wheels; uv and Python are the real ones.

The installer has the real one's options, refusals and habits (what it leaves in ~/.conda). The `conda` in it reads
`@EXPLICIT` files as the real one does and makes a virtual environment of this machine's Python: that an environment
is made of real packages is shown elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import platform
import random
import sys
import tarfile
import zipfile
from functools import cache
from pathlib import Path

from uv import find_uv_bin

from tasks.runtimes.conda.facts import Conda
from tasks.runtimes.packages.items import Item
from tests.script import samples
from tests.script.shells import stand_in

PYTHON = platform.python_version()
PYTHON_PATH = getattr(sys, "_base_executable", sys.executable)
HOST = samples.host("worker", samples.CONDA)

# $0 is bin/conda of a prefix, or micromamba; flags are files in the home
CONDA = f"""
prefix=$(cd "$(dirname "$0")/.." && pwd)
# conda gets a home folder of its own, below the user's
user=${{HOME%/.rayfab/*}}
is() {{ [ -e "$user/conda.$1" ]; }}
case ${{0##*/}} in
    micromamba) version=1.5.8 ;;
    *)
        version="conda 24.1.2"
        [ -d "$prefix/conda-meta" ] || {{ echo "ImportError: conda" >&2; exit 1; }}
        ;;
esac
case "$1" in
    --version) echo "$version"; exit ;;
    create) ;;
    *) echo "unknown command $1" >&2; exit 2 ;;
esac
slow=$(cat "$user/conda.slow" 2>/dev/null || echo 0)
printf '%s\\n' "$@" >"$user/conda.argv"
env | grep -E '^(CONDA|PYTHON|MAMBA|XDG|LD_LIB)' | sort >"$user/conda.env"
while [ $# -gt 0 ]; do case $1 in -p) env=$2 ;; --file) file=$2 ;; -c) channel=$2 ;; esac; shift; done
if is fails; then mkdir -p "$env/half"; cat "$user/conda.fails" >&2; exit 1; fi
sleep "$slow"
[ "$(head -n 1 "$file")" = @EXPLICIT ] || exit 3
mkdir -p "$env/conda-meta" "$CONDA_PKGS_DIRS"
sed 1d "$file" | while read -r url; do
    case $url in "${{channel:-file://}}"/*) ;; *) echo "not of the channel: $url" >&2; exit 4 ;; esac
    path=$({PYTHON_PATH} -c 'import sys, urllib.parse; print(urllib.parse.unquote(sys.argv[1]))' "${{url#file://}}")
    cp "$path" "$CONDA_PKGS_DIRS/" && cp "$path" "$env/conda-meta/" || exit 5
done || exit
if is pip; then pip=; else pip=--without-pip; fi
{PYTHON_PATH} -m venv $pip "$env"
mkdir -p "$HOME/.conda"
if is old; then echo "$env" >>"$HOME/.conda/environments.txt"; fi
exit 0
"""

INSTALLER = f"""#!/bin/sh
# a stand-in for Miniconda's installer
set -eu
user=${{HOME%/.rayfab/*}}
if ! echo "$0" | grep '\\.sh$' >/dev/null; then echo 'Please run using "bash" or "sh"'; exit 1; fi
if [ -e "$user/installer.says" ]; then cat "$user/installer.says"; exit 1; fi
batch=0 force=
while getopts "bfhp:su" x; do
    case $x in b) batch=1 ;; f | u) force=1 ;; p) prefix=$OPTARG ;; *) echo "did not expect -$x"; exit 2 ;; esac
done
[ "$batch" = 1 ] || {{ echo "it would ask"; exit 3; }}
case $prefix in *\\ *) echo "ERROR: Cannot install into directories with spaces" >&2; exit 1 ;; esac
if [ -z "$force" ] && [ -e "$prefix" ]; then echo "ERROR: File or directory already exists: '$prefix'" >&2; exit 1; fi
slow=$(cat "$user/installer.slow" 2>/dev/null || echo 0)
mkdir -p "$prefix"
printf '%s\\n' "$TMPDIR" >>"$user/installer.log"
sleep "$slow"
mkdir -p "$prefix/bin" "$prefix/envs"
cat >"$prefix/bin/conda" <<'END'
#!/bin/sh
{CONDA}
END
chmod 755 "$prefix/bin/conda"
mkdir -p "$HOME/.conda"
echo "$prefix" >>"$HOME/.conda/environments.txt"
[ ! -e "$user/installer.dies" ] || kill -KILL $$
mkdir "$prefix/conda-meta"
echo "installation finished."
"""


def wheel(name: str, version: str, command: str = "", padding: int = 0) -> tuple[str, bytes]:
    """A real wheel; with a ``command`` that prints its version, and a data file of so many bytes."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"def main(): print({version!r})\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if command:
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{command} = {name}:main\n"
    if padding:
        files[f"{name}.txt"] = random.Random(0).randbytes(padding // 2).hex()
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for path, text in files.items():
            # the same bytes every time
            out.writestr(zipfile.ZipInfo(path), text)
    return f"{name}-{version}-py3-none-any.whl", buffer.getvalue()


# builds itself, with nothing but Python
BACKEND = """
import pathlib
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name, data = {wheel!r}
    (pathlib.Path(folder) / name).write_bytes(data)
    return name
"""


def sdist(name: str, version: str) -> tuple[str, bytes]:
    """A real source distribution of a package."""
    project = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    project += f'[project]\nname = "{name}"\nversion = "{version}"\n'
    files = {
        "pyproject.toml": project,
        "backend.py": BACKEND.format(wheel=wheel(name, version)),
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as out:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size = len(text.encode())
            out.addfile(member, io.BytesIO(text.encode()))
    return f"{name}-{version}.tar.gz", buffer.getvalue()


@cache
def uv_wheel() -> tuple[str, bytes]:
    """This machine's own uv, in a wheel as the index has it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        out.write(find_uv_bin(), f"uv-{uv_version()}.data/scripts/uv")
    return f"uv-{uv_version()}-py3-none-manylinux_2_17_x86_64.whl", buffer.getvalue()


def uv_version() -> str:
    from importlib.metadata import version

    return version("uv")


# files of a store by their kind; all that a host without conda and uv needs, but for uv (which is large)
FILES = {
    "installer": ("Miniconda3-standin.sh", INSTALLER.encode()),
    "conda": (f"python-{PYTHON}-0.conda", b"not really a package"),
    "wheel": wheel("ray", "2.7.2", "ray"),
}


def make(prefix: Path, name: str = "conda") -> Conda:
    """A conda that somebody has installed."""
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta/history").write_text("")
    stand_in(prefix / "bin", name, CONDA)
    version = "1.5.8" if name == "micromamba" else "24.1.2"
    return Conda(name, version, str(prefix / "bin" / name))


def item(kind: str, file: str, data: bytes, url: str = "-") -> Item:
    return Item(kind, file, hashlib.sha256(data).hexdigest(), len(data), url)


def put(store: Path, *kinds: str, **more: tuple[str, bytes]) -> list[Item]:
    """Files of these kinds in a store, as if they had been fetched."""
    store.mkdir(parents=True, exist_ok=True)
    files = {kind: FILES[kind] for kind in kinds or FILES} | more
    for name, data in files.values():
        (store / name).write_bytes(data)
    return [item(kind, name, data) for kind, (name, data) in files.items()]


def tree(folder: Path, *but: str) -> dict[str, str]:
    """Everything in a folder by its relative path, with what it holds and its mode; but for some first names."""
    out = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if name.split("/")[0] in but:
            continue
        if path.is_symlink():
            out[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            out[name] = f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        else:
            out[name] = "a folder"
    return out
