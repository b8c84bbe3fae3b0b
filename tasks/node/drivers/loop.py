"""Keeps Ray alive on a Windows host: starts it again whenever it ends. Written by a deploy, run by its task."""

import contextlib
import json
import os
import re
import subprocess
import threading
import time

# no window where somebody works at that machine
HIDDEN = getattr(subprocess, "CREATE_NO_WINDOW", 0)
HOUR = 3600


def keep(node, name):
    """The last words of the Ray before stay for those who look for them."""
    with contextlib.suppress(OSError):
        os.replace(os.path.join(node, name), os.path.join(node, name + ".1"))


def prune(spec, environment):
    """Keeps Ray's folder small, now and once an hour."""
    while True:
        with contextlib.suppress(OSError):
            subprocess.run(
                spec["prune"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                cwd=spec["home"],
                creationflags=HIDDEN,
            )
        time.sleep(HOUR)


def main():
    node = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(node, "loop.json"), encoding="utf-8") as file:
        spec = json.load(file)
    environment = {**os.environ, **spec["environment"]}
    # loopback and all nodes need no proxy
    with open(os.path.join(node, "direct"), encoding="utf-8") as file:
        environment["NO_PROXY"] = ",".join(filter(None, [environment.get("NO_PROXY"), file.read().strip()]))
    environment["PATH"] = ";".join([*spec["path"], os.environ.get("PATH", "")])
    # of another Python's
    for name in ("PYTHONHOME", "PYTHONPATH"):
        environment.pop(name, None)
    with open(os.path.join(node, "loop.pid"), "w") as file:
        file.write(str(os.getpid()))
    threading.Thread(target=prune, args=(spec, environment), daemon=True).start()
    while True:
        # drained, or in maintenance: until a start on purpose
        while os.path.exists(os.path.join(node, "hold")):
            time.sleep(spec["pause"])
        keep(node, "start.log")
        with open(os.path.join(node, "starts"), "a") as file:
            file.write(time.ctime() + "\n")
        with open(os.path.join(node, "start.log"), "wb") as log:
            try:
                watch = subprocess.Popen(
                    spec["words"],
                    # the watch ends when this pipe does
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd=spec["home"],
                    creationflags=HIDDEN,
                )
                watch.wait()
            except OSError as error:
                log.write(re.sub(r"\s+", " ", str(error)).encode("utf-8", "replace"))
        time.sleep(spec["pause"])


if __name__ == "__main__":
    main()
