"""A stand-in for an image of Ray's where only its way to the hosts matters: Python, and a `ray` that knows its version.

It starts no cluster. Most of it is random bytes, which no compression makes smaller.
"""

from __future__ import annotations

from tasks.testbed import image
from tasks.testbed.engine import LABEL, LabError, Say, command, lock
from tasks.text.quoting import posix

# the interpreter with what it is linked against, the library without what nobody imports here, a folder to write to
SCRIPT = """
set -e
root=/tmp/root
mkdir -p $root/usr/bin $root/lib64 $root/usr/lib/python3/dist-packages/ray $root/tmp $root/etc $root/pieces
cp /usr/bin/python3.11 $root/usr/bin/python
for lib in $(ldd /usr/bin/python3.11 | grep -o '/[^ ]*'); do mkdir -p "$root${lib%/*}" && cp -L "$lib" "$root$lib"; done
cp -r /usr/lib/python3.11 $root/usr/lib/
ldd $(find $root/usr/lib/python3.11 -name '*.so') >/tmp/libs
for lib in $(sed -n 's,.*=> \\(/[^ ]*\\).*,\\1,p' /tmp/libs | sort -u); do
    mkdir -p "$root${lib%/*}" && cp -L "$lib" "$root$lib"
done
find $root -name __pycache__ -prune -exec rm -r {} +
echo "__version__ = '@VERSION@'" > $root/usr/lib/python3/dist-packages/ray/__init__.py
head -c @BYTES@ /dev/urandom > $root/random-@MARK@
chmod 1777 $root/tmp
tar -C $root -c .
"""


def small_image(
    tag: str, megabytes: int = 60, version: str = "2.60.0", mark: str = "a", say: Say = print
) -> str:
    """Build it under that name, random bytes of that size in it; returns the name.

    mark: another one makes another image. Raises LabError.
    """
    parent = image.ensure_image("python", say)
    values = {"VERSION": version, "BYTES": str(megabytes * 1_000_000), "MARK": mark}
    script = SCRIPT
    for name, value in values.items():
        script = script.replace(f"@{name}@", value)
    recipe = image.digest(parent, script)
    kept = f"rayfab-lab/small:{recipe}"
    with lock("image"):
        if not image.exists(kept):
            say(f"building a small image of {megabytes} MB")
            path = "ENV PATH=/usr/bin"
            pack = f"docker run --rm --interactive {parent} sh -s | docker import"
            pack += f" -c {posix(path)} -c 'LABEL {LABEL}=image' - {kept}"
            done = command(["bash", "-o", "pipefail", "-c", pack], stdin=script)
            if done.returncode != 0:
                raise LabError(f"building {kept} failed: {(done.stderr or done.stdout).strip()}")
        command(["docker", "tag", kept, tag])
    return tag
