"""Runs on the head, in the cluster's own Python (3.7 and later): Ray's node table, and a task on every node.

Ray lists every driver as a job, except those in a namespace with Ray's own prefix. If no task has to run, there is
no driver: the node table is read from the GCS. The nodes on which a task ran are kept in a file of Ray's session, so
that the next question about a node that has just started needs no task.
"""

import contextlib
import faulthandler
import json
import os
import sys
import time

spec = json.loads(sys.argv[1])
os.environ.setdefault("RAY_DEDUP_LOGS", "0")


def say(kind, value):
    sys.stdout.write(f"{kind} {value if isinstance(value, str) else json.dumps(value)}\n")
    sys.stdout.flush()


def from_gcs(address):
    """A function that reads Ray's node table without being a driver; None if this Ray cannot do that."""
    try:
        from ray._private.services import _get_gcs_client_options
        from ray._private.state import GlobalState

        state = GlobalState()
        state._initialize_global_state(_get_gcs_client_options(address))
        return state.node_table
    except (ImportError, AttributeError, TypeError):
        return None


def expected(node):
    """Whether somebody waits for this node of the table."""
    return any(node["name"] == name and ip in ("", node["node_ip"]) for name, ip in spec["expect"])


def kept_in(nodes):
    """The file of Ray's session on this machine that names the nodes on which a task ran; None where there is none."""
    for node in nodes.values():
        if os.path.exists(node["socket"]):
            return os.path.join(os.path.dirname(os.path.dirname(node["socket"])), "rayfab_tasks_ran")
    return None


def read(path):
    with contextlib.suppress(OSError, TypeError), open(path) as file:
        return set(file.read().split())
    return set()


def main():
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def init():
        ray.init(
            address=spec["address"],
            log_to_driver=False,
            logging_level="error",
            namespace="_ray_internal_rayfab",
        )
        return ray.nodes

    say("RF", {"asked": True})
    # a thread of its own in C, since a call to a GCS that hangs may hold back all of Python's threads
    faulthandler.dump_traceback_later(spec["answer"], exit=True)
    ray_nodes = None if spec["tasks"] else from_gcs(spec["address"])
    connected = ray_nodes is None
    if connected:
        ray_nodes = init()
    options = {"num_cpus": 0, "max_retries": 0}
    if tuple(map(int, ray.__version__.split(".")[:2])) >= (2, 10):
        # nor in its list of tasks
        options["enable_task_events"] = False

    @ray.remote(**options)
    def probe():
        import platform
        import socket

        import ray

        return {"hostname": socket.gethostname(), "python": platform.python_version(), "ray": ray.__version__}

    def table():
        return {
            n["NodeID"]: {
                "node_id": n["NodeID"],
                "node_ip": n["NodeManagerAddress"],
                "name": n.get("NodeName") or "",
                "alive": bool(n["Alive"]),
                "resources": {k: v for k, v in n["Resources"].items() if ":" not in k},
                "reason": str(n.get("DeathReasonMessage") or ""),
                "socket": str(n.get("RayletSocketName") or ""),
            }
            for n in ray_nodes()
        }

    first = table()
    faulthandler.cancel_dump_traceback_later()
    say("RF", {"answered": True})
    kept = kept_in(first)
    known = read(kept)
    asked, done, again, last = {}, {}, {}, 0
    if not spec["tasks"]:
        done = {node_id: {"task": {"before": True}} for node_id in first if node_id in known}
    runs = spec["tasks"] or any(n["alive"] and expected(n) and i not in done for i, n in first.items())
    if runs and not connected:
        ray_nodes = init()
    deadline = time.time() + spec["timeout"]
    while True:
        nodes = table()
        if runs:
            for node_id, node in nodes.items():
                if not node["alive"] or node_id in asked.values() or "task" in done.get(node_id, {}):
                    continue
                if not spec["tasks"] and not expected(node):
                    continue
                # a node that has just died is still in the table, and a task on a living one may need a second try
                if time.time() >= again.get(node_id, 0):
                    where = NodeAffinitySchedulingStrategy(node_id=node_id, soft=False)
                    asked[probe.options(scheduling_strategy=where).remote()] = node_id
            ready, _ = ray.wait(list(asked), num_returns=len(asked), timeout=0.3) if asked else ([], [])
            for ref in ready:
                node_id = asked.pop(ref)
                try:
                    done[node_id] = {"task": ray.get(ref)}
                except Exception as error:
                    done[node_id] = {"task_error": str(error).strip().splitlines()[-1][:300]}
                    again[node_id] = time.time() + 1
        good = [n for i, n in nodes.items() if n["alive"] and "task" in done.get(i, {})]
        reached = [
            pair
            for pair in spec["expect"]
            if any(n["name"] == pair[0] and pair[1] in ("", n["node_ip"]) for n in good)
        ]
        # without a task for all, nobody waits for a node that is not in the table
        if not runs or len(reached) == len(spec["expect"]) or time.time() > deadline:
            break
        if time.time() - last > 2:
            last = time.time()
            say("RFSTEP", f"{len(reached)} of {len(spec['expect'])} nodes have run a task")
        time.sleep(0.1)
    if kept:
        with contextlib.suppress(OSError), open(kept, "a") as file:
            file.write("".join(f"{i}\n" for i, d in done.items() if "task" in d and i not in known))
    for node_id, node in table().items():
        node.update(done.get(node_id, {}))
        del node["socket"]
        say("RF", node)
    say("RF", {"done": True, "ray": ray.__version__, "python": ".".join(map(str, sys.version_info[:3]))})
    # ray.shutdown would wait a second for nothing: the connection ends with this process
    sys.stdout.flush()
    os._exit(0)


main()
