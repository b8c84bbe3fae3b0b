"""Downloads files into the folder FOLDER: ``fetch.py FOLDER [WORK]``, with any Python 3.

Standard input: lines ``BYTES NAME SHA256 SIZE URL``; BYTES of the file are in FOLDER/NAME.part already.

Without WORK: each file into NAME.part, one after the other; ends at the first error, with its reason.

With WORK: eight at a time, checked, and renamed to NAME. WORK/NAME.taken says that nothing is left to do for a file,
WORK/NAME why it could not be fetched, WORK/NAME.wrong that it was another file; WORK/from.SERVER.alive says that a
server has answered. It ends early if a server has never answered, or if the process that started it has gone.
"""

import hashlib
import http.client
import os
import queue
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

FINAL = (403, 404, 410)  # asking again does not help
DIRECT = bool(os.environ.get("RF_DIRECT"))
PROXIES = {} if DIRECT else urllib.request.getproxies()
try:
    import ssl

    # made once, because it reads all certificate authorities
    TLS = ssl.create_default_context()
except (AttributeError, ImportError):
    TLS = None


class Client:
    """Reuses its connections, so that many files cost one name look-up and one handshake."""

    def __init__(self):
        handlers = [urllib.request.HTTPSHandler(context=TLS)] if TLS else []
        if DIRECT:
            handlers.append(urllib.request.ProxyHandler({}))
        self.opener = urllib.request.build_opener(*handlers)
        self.kept = {}

    def ask(self, url, headers):
        parts = urllib.parse.urlsplit(url)
        place = parts.scheme, parts.netloc
        plain = "@" not in parts.netloc and (parts.scheme == "http" or (parts.scheme == "https" and TLS))
        if plain and (parts.scheme not in PROXIES or urllib.request.proxy_bypass(parts.netloc)):
            again = place in self.kept
            if not again:
                more = {"context": TLS} if parts.scheme == "https" else {}
                kind = http.client.HTTPSConnection if more else http.client.HTTPConnection
                self.kept[place] = kind(parts.netloc, timeout=30, **more)
            path = urllib.parse.urlunsplit(("", "", parts[2], parts[3], "")) or "/"
            try:
                self.kept[place].request("GET", path, headers=headers)
                answer = self.kept[place].getresponse()
            except (OSError, http.client.HTTPException):
                self.kept.pop(place).close()
                if not again:
                    raise
                # the server has closed the connection meanwhile
                return self.ask(url, headers)
            if answer.status in (200, 206):
                return answer
            self.kept.pop(place).close()
            if not 300 <= answer.status < 400:
                raise urllib.error.HTTPError(url, answer.status, answer.reason, answer.headers, None)
        return self.opener.open(urllib.request.Request(url, headers=headers), timeout=30)

    def get(self, url, part, here, came=lambda: None):
        """Downloads what is missing of ``part``; the SHA-256 of the whole. Calls ``came`` at the first bytes."""
        answer = self.ask(url, {"Range": "bytes=" + str(here) + "-"} if here else {})
        left = answer.headers.get("Content-Length")
        found = hashlib.sha256()
        if answer.status == 206:
            with open(part, "rb") as old:
                for piece in iter(lambda: old.read(1 << 18), b""):
                    found.update(piece)
        with open(part, "ab" if answer.status == 206 else "wb") as out:
            for piece in iter(lambda: answer.read(1 << 18), b""):
                out.write(piece)
                found.update(piece)
                left = left and int(left) - len(piece)
                came()
        if left:
            self.close()
            raise OSError("the connection broke")
        return found.hexdigest()

    def close(self):
        for place in list(self.kept):
            self.kept.pop(place).close()


def reason(error):
    return "HTTP error " + str(error.code) if isinstance(error, urllib.error.HTTPError) else str(error)


class Together:
    def __init__(self, folder, work):
        self.folder, self.work, self.parent = folder, work, os.getppid()
        self.waiting = queue.Queue()
        self.stopped = False

    def mark(self, name, text=""):
        with open(os.path.join(self.work, name), "w") as out:
            out.write(text)

    def run(self):
        client = Client()
        while not self.stopped and os.getppid() == self.parent:
            try:
                here, name, wanted, size, url = self.waiting.get_nowait()
            except queue.Empty:
                return
            self.one(client, int(here), name, wanted, int(size), url)

    def one(self, client, here, name, wanted, size, url):
        path = os.path.join(self.folder, name)
        part = path + ".part"
        alive = "from." + urllib.parse.urlsplit(url).netloc.rpartition("@")[2] + ".alive"

        def came():
            if not os.path.exists(os.path.join(self.work, alive)):
                self.mark(alive)

        try:
            found = client.get(url, part, here, came)
        except urllib.error.HTTPError as error:
            came()
            if error.code in FINAL:
                self.mark(name, reason(error) + "\n")
                self.mark(name + ".taken")
        except Exception:
            self.stopped = self.stopped or not os.path.exists(os.path.join(self.work, alive))
        else:
            if found == wanted:
                os.utime(part, None)
                os.replace(part, path)
                self.mark(name + ".taken")
                return
            got = os.path.getsize(part)
            os.remove(part)
            text = (
                "is not the expected one" if got == size else "has " + str(got) + " bytes, not " + str(size)
            )
            self.mark(name + ".wrong")
            self.mark(name, "the downloaded file " + text + "\n")


def together(folder, work, lines):
    all_of_them = Together(folder, work)
    for line in lines:
        all_of_them.waiting.put(line)
    threads = [threading.Thread(target=all_of_them.run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_turn(folder, lines):
    client = Client()
    try:
        for here, name, _, _, url in lines:
            client.get(url, os.path.join(folder, name + ".part"), int(here))
    except Exception as error:
        sys.exit(reason(error))


if __name__ == "__main__":
    asked = [line.split() for line in sys.stdin if line.strip()]
    if len(sys.argv) > 2:
        together(sys.argv[1], sys.argv[2], asked)
    else:
        in_turn(sys.argv[1], asked)
