"""Keeps a journal of the jobs on the head, which outlives Ray. Runs as Ray's user, on Python 3.7 and newer alone.

    python journal.py MODE FOLDER ADDRESS

MODE: keep asks Ray's job server at ADDRESS every 10 s, until the process that has started it has ended; list asks once,
and prints each job as a line of JSON after RF, the oldest first. A job is a file in FOLDER, so that who submits one can
write it down as well. HANDED has those of another head, or of a backup: a line {"asked": SECONDS}, then one for each.
Times are seconds since 1970. A job that had not ended, and that Ray no longer knows, is LOST.
"""

import contextlib
import json
import os
import sys
import time
import urllib.parse
import urllib.request

PAUSE = 10
MOST = 1000  # jobs; the oldest ones that have ended go first
LONG = 600  # characters of a text
OVER = ("SUCCEEDED", "FAILED", "STOPPED", "LOST")
YOUNG = 60  # seconds in which Ray may not list a job yet
GONE = "the head has restarted without its state, and the job is gone with it"

mode, folder, address = sys.argv[1:4]
beat = os.path.join(folder, "asked")  # when Ray has last answered
HANDED = os.path.join(folder, "handed.jsonl")


def token():
    with contextlib.suppress(KeyError, OSError):
        with open(os.environ["RAY_AUTH_TOKEN_PATH"]) as file:
            return file.read().strip()
    return os.environ.get("RAY_AUTH_TOKEN", "")


def ask():
    """What the job server lists."""
    asked = urllib.request.Request(address + "/api/jobs/", headers={"Authorization": "Bearer " + token()})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with contextlib.closing(direct.open(asked, timeout=20)) as answer:
        return json.loads(answer.read().decode())


def path_of(job):
    return os.path.join(folder, urllib.parse.quote(job, safe="")[:200] + ".json")


def seconds(value):
    return value / 1000 if value else None


def entry(one):
    """A job as the journal has it. Its runtime_env stays out, since variables there may be secrets."""
    node = one.get("driver_agent_http_address") or ""
    return {
        "id": one["submission_id"],
        "status": one.get("status") or "",
        "entrypoint": (one.get("entrypoint") or "")[:LONG],
        "user": ((one.get("metadata") or {}).get("rayfab_user") or "")[:LONG],
        "start": seconds(one.get("start_time")),
        "end": seconds(one.get("end_time")),
        # Ray appends the last lines of the job's output
        "message": (one.get("message") or "").partition(", last available logs")[0][:LONG],
        "exit": one.get("driver_exit_code"),
        "node": urllib.parse.urlsplit(node).hostname or "",
    }


def read():
    """The journal by id; what is no entry is passed over."""
    found = {}
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                if name.endswith(".json"):
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        one = json.load(file)
                    found[one["id"]] = one
    for one in handed():
        with contextlib.suppress(KeyError, TypeError):
            mine = found.get(one["id"], {}).get("status")
            # what is known here is newer, unless the job went on elsewhere
            if mine is None or (mine not in OVER and one["status"] in OVER):
                found[one["id"]] = one
    return found


def handed():
    with contextlib.suppress(OSError, ValueError), open(HANDED, encoding="utf-8") as file:
        return [json.loads(line) for line in file]
    return []


def write(one):
    path = path_of(one["id"])
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(json.dumps(one, sort_keys=True) + "\n")
    os.chmod(path + ".new", 0o644)
    os.replace(path + ".new", path)


def began(one):
    return one.get("start") or 0


def last_answer():
    times = [one["asked"] for one in handed()[:1] if "asked" in one]
    with contextlib.suppress(OSError):
        times.append(os.path.getmtime(beat))
    return max(times, default=time.time())


def sync():
    """Takes down what Ray says now; the jobs by id, each with whether Ray still knows it.

    :raises OSError, ValueError: Ray does not answer.
    """
    begun = time.time()
    listed = [entry(one) for one in ask() if one.get("submission_id")]
    known = {one["id"]: one for one in listed}
    before, last = read(), last_answer()
    changed = [one for one in listed if before.get(one["id"]) != one]
    for job, one in before.items():
        if job not in known and one.get("status") not in OVER and began(one) < begun - YOUNG:
            before[job] = {**one, "status": "LOST", "end": max(min(last, begun), began(one)), "message": GONE}
            changed.append(before[job])
    # a full disk, or a cluster of an earlier release, has no journal
    with contextlib.suppress(OSError):
        for one in changed:
            write(one)
        with open(beat, "w"):
            pass
    both = {**before, **known}
    ended = sorted((one for one in both.values() if one.get("status") in OVER), key=began)
    for one in ended[: max(len(both) - MOST, 0)]:
        # Ray itself may still list it
        if one["id"] not in known:
            del both[one["id"]]
            with contextlib.suppress(OSError):
                os.unlink(path_of(one["id"]))
    return {job: {**one, "known": job in known} for job, one in both.items()}


def keep():
    parent = os.getppid()
    with contextlib.suppress(OSError):
        os.makedirs(folder, exist_ok=True)
    while os.getppid() == parent:
        # also whatever a job server of another version may answer: this must not end before Ray does
        with contextlib.suppress(Exception):
            sync()
        end = time.time() + PAUSE
        while time.time() < end and os.getppid() == parent:
            time.sleep(1)


def show():
    problem = ""
    try:
        found = sync()
    except Exception as error:
        problem = "the job server does not answer: " + " ".join(str(error).split())
        found = {job: {**one, "known": False} for job, one in read().items()}
    print("RF " + json.dumps({"problem": problem}))
    for one in sorted(found.values(), key=began):
        print("RF " + json.dumps(one, sort_keys=True))


keep() if mode == "keep" else show()
