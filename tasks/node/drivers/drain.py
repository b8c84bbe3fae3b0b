"""Runs on the head, in the cluster's own Python (3.7 and later): drains nodes, and waits until they have left.

Ray answers a drain at once, and its deadline ends nothing: so the node table is watched. It creates no job.
argv: {"address", "nodes": [[name, address, id], ...], "seconds", "why"}.
"""

import json
import sys
import threading
import time

from tasks.node.drivers.gcs import accessor_of, end, say

spec = json.loads(sys.argv[1])
PAUSE = 0.5  # seconds between two looks at the table
ANSWER = 60.0  # seconds within which the GCS must have taken the requests
taken = threading.Event()


def found(nodes, name, address, node_id):
    """The id of the living node that is meant; None if it is not there."""
    alive = [one for one in nodes if one["Alive"]]
    if node_id:
        return node_id if any(one["NodeID"] == node_id for one in alive) else None
    for one in alive:
        if (one.get("NodeName") or "") == name and address in ("", one["NodeManagerAddress"]):
            return one["NodeID"]
    return None


def main():
    from ray._raylet import GcsClient
    from ray.core.generated.autoscaler_pb2 import DrainNodeReason

    client = GcsClient(address=spec["address"])
    table = accessor_of(spec["address"]).get_node_table
    nodes = table()
    reason = DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
    until = time.time() + spec["seconds"]
    waiting = {}
    for name, address, node_id in spec["nodes"]:
        there = found(nodes, name, address, node_id)
        if there is None:
            say("RF", {"node": name, "there": False})
            continue
        accepted = client.drain_node(there, reason, spec["why"], int(until * 1000))
        if not accepted[0]:
            say("RF", {"node": name, "refused": str(accepted[1])})
        else:
            waiting[there] = name
    taken.set()
    begun, last = time.time(), 0
    while waiting:
        alive = {one["NodeID"] for one in table() if one["Alive"]}
        for node_id in [one for one in waiting if one not in alive]:
            say("RF", {"node": waiting.pop(node_id), "left": round(time.time() - begun, 1)})
        rest = until - time.time()
        if not waiting or rest <= 0:
            break
        if time.time() - last > 2:
            last = time.time()
            names = ", ".join(sorted(waiting.values()))
            say("RFSTEP", f"waiting for the work on {names} to end, {rest:.0f} s left")
        time.sleep(min(PAUSE, max(rest, 0.05)))
    for name in waiting.values():
        say("RF", {"node": name, "left": None})
    say("RF", {"done": True})
    end(0)


def run():
    try:
        main()
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    end(1)


threading.Thread(target=run, daemon=True).start()
if not taken.wait(ANSWER):
    sys.stderr.write(f"no answer within {ANSWER:g} s\n")
    end(1)
# a GCS that hangs afterwards must not hold this back for ever
time.sleep(spec["seconds"] + ANSWER)
sys.stderr.write("the GCS does not answer any more\n")
end(1)
