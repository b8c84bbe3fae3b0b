"""Downloads on the operator's machine: through the configured proxy, resumed, checked, and kept for later runs."""

from __future__ import annotations

import hashlib
import os
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tasks.environment.added import own_folder
from tasks.inventory import Host
from tasks.runtimes.packages import Unavailable
from tasks.runtimes.packages.items import Item

TRIES = 3
TIMEOUT = 30
CHUNK = 1 << 18
OnBytes = Callable[[int], None]
# used if OpenSSL's default file does not exist: Debian, Red Hat, SUSE, macOS and Alpine
SYSTEMS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


_gates: dict[str, threading.Lock] = {}
_making = threading.Lock()


def one_at_a_time(sha256: str) -> threading.Lock:
    """A lock for one file: if many hosts need it at the same time, the first one downloads it for all."""
    with _making:
        return _gates.setdefault(sha256, threading.Lock())


def kept_in() -> Path:
    """The folder of downloads: next to this program, so that nothing is left in the user's home."""
    return Path(os.environ.get("RAYFAB_CACHE") or own_folder() / "download-cache")


@dataclass(frozen=True)
class Web:
    """How this machine reaches the Internet; for values that are None, its environment variables decide."""

    proxy: str | None = None
    ca: str | None = None

    @classmethod
    def of(cls, host: Host) -> Web:
        ca = host.mirrors.ca
        return cls(host.mirrors.proxy, ca and str(Path(ca).expanduser()))

    @property
    def environment(self) -> dict[str, str]:
        """The same settings as environment variables, for programs such as uv."""
        out = {}
        if self.proxy:
            out |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), self.proxy)
        if self.ca:
            out["SSL_CERT_FILE"] = str(bundle(Path(self.ca)))
        return out

    def text(self, url: str) -> str | None:
        """Downloads a small page; None if it does not exist.

        :raises Unavailable: the server does not answer.
        """
        try:
            with self._open(urllib.request.Request(url)) as page:
                return page.read(8 << 20).decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            if error.code in (403, 404, 410):
                return None
            raise self._unreachable(url, error) from None
        except (OSError, ValueError) as error:
            raise self._unreachable(url, error) from None

    def there(self, url: str) -> int | None:
        """The size of a file in bytes, 0 if its server does not report it; None if the file does not exist.

        :raises Unavailable: the server does not answer.
        """
        try:
            with self._open(urllib.request.Request(url, method="HEAD")) as answer:
                return int(answer.headers.get("Content-Length") or 0)
        except urllib.error.HTTPError as error:
            # a server may not answer this kind of question at all
            return None if error.code in (403, 404, 410) else 0
        except urllib.error.URLError as error:
            if isinstance(error.reason, FileNotFoundError):
                return None
            raise self._unreachable(url, error) from None
        except (OSError, ValueError) as error:
            raise self._unreachable(url, error) from None

    def size(self, url: str, sha256: str, file: str) -> int:
        """The size of a file in bytes; downloads the file if its server does not report the size."""
        try:
            with self._open(urllib.request.Request(url, method="HEAD")) as answer:
                size = int(answer.headers.get("Content-Length") or 0)
        except (OSError, ValueError):
            size = 0
        return size or self._get(url, sha256, 0, file).stat().st_size

    def get(self, item: Item, on_bytes: OnBytes | None = None) -> Path:
        """Downloads the file of an item completely and checks it.

        :raises Unavailable: the file cannot be downloaded.
        """
        with one_at_a_time(item.sha256):
            return self._get(item.url, item.sha256, item.size, item.file, on_bytes)

    def _get(self, url: str, sha256: str, size: int, file: str, on_bytes: OnBytes | None = None) -> Path:
        """Downloads a file.

        :param size: in bytes; 0 if unknown.
        """
        place = kept_in() / sha256[:2] / sha256 / file
        if place.is_file() and place.stat().st_size == (size or place.stat().st_size):
            return place
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f"{place.name}.part")
        failed: Exception | None = None
        for attempt in range(TRIES):
            try:
                self._fetch(url, part, size, on_bytes)
            except (OSError, ValueError) as error:  # URLError is an OSError
                failed = error
                time.sleep(attempt)
                continue
            if sha256_of(part) == sha256:
                part.replace(place)
                return place
            part.unlink()
            failed = None
        if failed is None:
            raise Unavailable(
                f"{file} from {_site(url)} is not what was expected: its SHA-256 differs",
                "the mirror or a proxy before it is broken: name another one under mirrors",
            )
        raise self._unreachable(url, failed)

    def _fetch(self, url: str, part: Path, size: int, on_bytes: OnBytes | None) -> None:
        have = part.stat().st_size if part.exists() else 0
        if have > size:  # if the size is unknown, the download starts again
            part.unlink()
            have = 0
        if have and have == size:
            return
        request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
        with self._open(request) as answer:
            if have and answer.status != 206:
                have = 0
            with part.open("ab" if have else "wb") as out:
                while data := answer.read(CHUNK):
                    out.write(data)
                    have += len(data)
                    if on_bytes:
                        on_bytes(have)
        if size and have != size:
            raise OSError(f"{have} of {size} bytes arrived")

    def _open(self, request: urllib.request.Request):
        handlers: list[urllib.request.BaseHandler] = []
        if self.proxy:
            handlers.append(urllib.request.ProxyHandler({"http": self.proxy, "https": self.proxy}))
        if self.ca:
            context = ssl.create_default_context()
            context.load_verify_locations(self.ca)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        return urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT)

    def _unreachable(self, url: str, error: Exception) -> Unavailable:
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        return Unavailable(
            f"{_site(url)} cannot be reached from here: {why}",
            "name a mirror under mirrors, a proxy in mirrors.proxy, or use a bundle (fab bundle)",
        )


def bundle(ca: Path) -> Path:
    """A file with the system's certificate authorities and these, for programs that replace the system's list."""
    paths = ssl.get_default_verify_paths()
    found = (Path(name) for name in (paths.cafile, *SYSTEMS) if name)
    system = next((path for path in found if path.is_file()), None)
    data = (system.read_bytes().rstrip() + b"\n" if system else b"") + ca.read_bytes()
    place = kept_in() / "authorities" / f"{hashlib.sha256(data).hexdigest()}.pem"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
        part.write_bytes(data)
        part.replace(place)
    return place


def _site(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}" if parts.hostname else url


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            digest.update(data)
    return digest.hexdigest()
