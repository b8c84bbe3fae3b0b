"""Runs on the head, in the cluster's own Python (3.7 and later): Ray's node table, and a task on every node.

Ray lists every driver as a job, except those in a namespace with Ray's own prefix. If no task has to run, there is
no driver: the node table is read from the GCS.
"""

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


def main():
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ray_nodes = None if spec["tasks"] else from_gcs(spec["address"])
    if ray_nodes is None:
        ray.init(
            address=spec["address"],
            log_to_driver=False,
            logging_level="error",
            namespace="_ray_internal_rayfab",
        )
        ray_nodes = ray.nodes
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
            }
            for n in ray_nodes()
        }

    expected = set(spec["expect"])
    deadline = time.time() + spec["timeout"]
    asked, done, again, last = {}, {}, {}, 0
    while True:
        nodes = table()
        if spec["tasks"]:
            for node_id, node in nodes.items():
                if not node["alive"] or node_id in asked.values() or "task" in done.get(node_id, {}):
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
        alive = {n["node_ip"] for n in nodes.values() if n["alive"]}
        good = {
            nodes[i]["node_ip"] for i, d in done.items() if "task" in d and i in nodes and nodes[i]["alive"]
        }
        reached = good if spec["tasks"] else alive
        if expected <= reached or time.time() > deadline:
            break
        if time.time() - last > 2:
            last = time.time()
            say("RFSTEP", f"{len(expected & reached)} of {len(expected)} nodes have run a task")
        time.sleep(0.1)
    for node_id, node in table().items():
        node.update(done.get(node_id, {}))
        say("RF", node)
    say("RF", {"done": True, "ray": ray.__version__, "python": ".".join(map(str, sys.version_info[:3]))})
    # ray.shutdown would wait a second for nothing: the connection ends with this process
    sys.stdout.flush()
    os._exit(0)


main()
