"""A stand-in for Docker's own package repository, laid out as its mirrors are: /linux/debian.

Signed by a throw-away key. Its docker-ce is Debian's docker.io under another name.
"""

from __future__ import annotations

from tasks.testbed import machine
from tasks.testbed.host import LabHost

PORT = 8099
VERSION = "5:99.0-standin"

BUILD = """
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends gpg gpg-agent
top=/srv/linux/debian
dist=$top/dists/$SUITE
mkdir -p "$top/pool" "$dist/stable/binary-amd64" /srv/work
cd /srv/work
apt-get download -qq docker.io
dpkg-deb -R docker.io_*.deb docker-ce
sed -i -e 's/^Package: .*/Package: docker-ce/' -e "s/^Version: .*/Version: $VERSION/" -e '/^Source:/d' \
    -e 's/^Depends: /Depends: docker-ce-cli, containerd.io, /' -e '/^Conflicts:/d' docker-ce/DEBIAN/control
for name in docker-ce-cli containerd.io; do
    mkdir -p "$name/DEBIAN"
    cat >"$name/DEBIAN/control" <<END
Package: $name
Version: $VERSION
Architecture: amd64
Maintainer: stand-in <nobody@example>
Description: an empty stand-in
END
done
for name in docker-ce docker-ce-cli containerd.io; do
    file=pool/$name.deb
    dpkg-deb -Znone --build "$name" "$top/$file" >/dev/null
    cat "$name/DEBIAN/control"
    printf 'Filename: %s\\nSize: %s\\n' "$file" "$(stat -c %s "$top/$file")"
    printf 'SHA256: %s\\n\\n' "$(sha256sum <"$top/$file" | cut -d' ' -f1)"
done >"$dist/stable/binary-amd64/Packages"
cd "$dist"
list=stable/binary-amd64/Packages
cat >Release <<END
Origin: stand-in
Suite: $SUITE
Codename: $SUITE
Components: stable
Architectures: amd64
Date: $(date -Ru | sed 's/+0000/UTC/')
SHA256:
 $(sha256sum <"$list" | cut -d' ' -f1) $(stat -c %s "$list") $list
END
gpg --batch --pinentry-mode loopback --passphrase '' --quick-gen-key 'stand-in <nobody@example>' default sign
gpg --batch --clearsign --output InRelease Release
gpg --batch --armor --output "$top/gpg" --export
"""


def serve(host: LabHost) -> str:
    """Builds the repository on a host, serves it from there, and gives the address for ``mirrors.docker``."""
    host.must(f"SUITE={machine.SUITE}\nVERSION={VERSION}\n{BUILD}")
    web = ["python3", "-m", "http.server", str(PORT), "--directory", "/srv"]
    host.must(["systemd-run", "--unit=standin-repository", *web])
    return f"http://{host.address}:{PORT}/linux"
