"""A small substitute for a Ray image, for tests of its distribution: Python, and a `ray` with only a version.

It starts no cluster. Most of it is random bytes, which cannot be compressed.
"""

from __future__ import annotations

from tasks.testbed import image
from tasks.testbed.engine import LABEL, LabError, Say, command, lock
from tasks.text.quoting import posix

# the interpreter with its shared libraries, the needed part of the standard library, and a writable folder
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
    """Build the image under that name, with random bytes of that size; returns the name.

    mark: a different mark makes a different image. Raises LabError.
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
