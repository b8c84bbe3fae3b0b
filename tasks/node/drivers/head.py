"""Becomes `ray start` of a head that keeps its state; argv has its words. Python 3.10 and newer, and nothing but it.

A state that Ray could not open at the last start is put aside, so that the head comes up without it. A second process
waits until Ray is up and wakes its job manager, which otherwise calls jobs running whose drivers died with the head.
"""

import contextlib
import glob
import os
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request

words = sys.argv[1:]
given = dict(word.partition("=")[::2] for word in words if word.startswith("--"))
store = os.environ["RAY_gcs_storage_path"]  # noqa: SIM112
trying, aside = store + ".trying", store + ".unreadable"
host = given.get("--node-ip-address", "127.0.0.1")
SIGNS = (
    b"Failed to open RocksDB",
    b"RocksDbStoreClient::RocksDbStoreClient",
    b"RocksDB at this path belongs",
)
# another process has it, or the disk is full: the state itself is whole
PASSING = (b"lock file", b"LOCK:", b"No space left")


def unreadable():
    """Whether the GCS has said since the last start that it cannot open its state."""
    try:
        since = os.path.getmtime(trying)
    except OSError:
        return False
    for path in glob.glob(given.get("--temp-dir", "/tmp/ray") + "/session_latest/logs/gcs_server*"):
        with contextlib.suppress(OSError):
            if os.path.getmtime(path) >= since:
                with open(path, "rb") as file:
                    text = file.read()
                if any(sign in text for sign in SIGNS) and not any(sign in text for sign in PASSING):
                    return True
    return False


def answers(port):
    with contextlib.suppress(OSError, ValueError):
        socket.create_connection((host, int(port)), 2).close()
        return True
    return False


def token():
    with contextlib.suppress(KeyError, OSError):
        with open(os.environ["RAY_AUTH_TOKEN_PATH"]) as file:
            return file.read().strip()
    return os.environ.get("RAY_AUTH_TOKEN", "")


def wake(port):
    """Asks the agent for a job that does not exist: it needs its job manager to say so."""
    name = "[" + host + "]" if ":" in host else host
    asked = urllib.request.Request(
        f"http://{name}:{port}/api/job_agent/jobs/rayfab-none/logs",
        headers={"Authorization": "Bearer " + token()},
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        direct.open(asked, timeout=20).close()
    except urllib.error.HTTPError:
        pass
    except (OSError, ValueError):
        return False
    return True


def watch():
    end = time.time() + 600
    while time.time() < end and not answers(given.get("--port", "6379")):
        time.sleep(0.5)
    with contextlib.suppress(OSError):
        os.unlink(trying)
    while time.time() < end and not wake(given.get("--dashboard-agent-listen-port", "52365")):
        time.sleep(1)


if unreadable():
    shutil.rmtree(aside, ignore_errors=True)
    os.rename(store, aside)
    print(
        f"rayfab: Ray could not open the state in {store}: it is in {aside} now, and the head starts without it"
    )
os.makedirs(store, exist_ok=True)
with open(trying, "w"):
    pass
sys.stdout.flush()
if os.fork() == 0:
    # not Ray's child: Ray looks after its own
    if os.fork() == 0:
        watch()
    os._exit(0)
os.wait()
os.execvp(words[0], words)
