"""Runs on the head, in the cluster's own Python (3.7 and later): what is running on Ray now.

It asks the GCS and the raylets without `ray.init`, so it creates no job. argv: {"address", "timeout"}.
"""

import json
import socket
import sys
import threading
import time

from tasks.node.drivers.gcs import accessor_of, end, say

spec = json.loads(sys.argv[1])
JOBS, JOB_KEY = b"job", b"_ray_internal_job_info_"
SUPERVISORS = "SUPERVISOR_ACTOR_RAY_NAMESPACE"
LIVING = ("ALIVE", "RESTARTING", "PENDING_CREATION", "DEPENDENCIES_UNREADY")
DRIVER = 1  # common.proto: WorkerType
MOST = 1000  # at most so many nodes are asked for their tasks


def ours(namespace):
    """Whether a namespace is Ray's own, or that of a deploy's verification."""
    return namespace.startswith("_ray_internal_") or namespace == "rayfab"


def age(milliseconds):
    """Seconds since a time in milliseconds; None if the time is unknown."""
    return max(0, int(time.time() - milliseconds / 1000)) if milliseconds else None


def actors_of(accessor):
    """Every living actor. The GCS filters if it can, since a cluster keeps the records of very many dead ones."""
    from ray.core.generated.gcs_pb2 import ActorTableData

    try:
        packed = [one for state in LIVING for one in accessor.get_actor_table(None, state)]
    except TypeError:
        packed = accessor.get_actor_table()
    actors = {}
    for one in map(ActorTableData.FromString, packed):
        if ActorTableData.ActorState.Name(one.state) in LIVING:
            actors[one.actor_id] = one
    return list(actors.values())


def jobs_of(address, supervised, nodes):
    """Submitted jobs that wait or run. After a head was lost, Ray reports some as running that have ended."""
    from ray._raylet import GcsClient

    client = GcsClient(address=address)
    keys = client.internal_kv_keys(JOB_KEY, JOBS)
    for at in range(0, len(keys), 500):
        for key, value in client.internal_kv_multi_get(keys[at : at + 500], JOBS).items():
            info, job = json.loads(value), key[len(JOB_KEY) :].decode()
            running = info["status"] == "RUNNING" and f"_ray_internal_job_actor_{job}" in supervised
            if running or info["status"] == "PENDING":
                yield {
                    "job": job,
                    "pending": not running,
                    "age": age(info.get("start_time")),
                    "user": str((info.get("metadata") or {}).get("rayfab_user", "")),
                    "ip": nodes.get(info.get("driver_node_id") or "", ""),
                }


def drivers_of(accessor, jobs):
    """Drivers that are not submitted jobs: scripts, notebooks and the servers of Ray Client."""
    from ray.core.generated.gcs_pb2 import JobTableData

    for one in map(JobTableData.FromString, accessor.get_job_table()):
        if (
            one.is_dead
            or ours(one.config.ray_namespace)
            or one.config.metadata.get("job_submission_id") in jobs
        ):
            continue
        address = getattr(one, "driver_address", None)
        yield {
            "command": one.entrypoint,
            "ip": (address.ip_address if address else "") or one.driver_ip_address,
            "pid": one.driver_pid,
            "age": age(one.start_time),
            "client": "ray.util.client.server" in one.entrypoint,
        }


def groups_of(accessor, nodes):
    """Placement groups with a bundle on a living node, and the addresses of those nodes."""
    from ray.core.generated.gcs_pb2 import PlacementGroupTableData

    for one in map(PlacementGroupTableData.FromString, accessor.get_placement_group_table()):
        if one.state == PlacementGroupTableData.REMOVED or ours(getattr(one, "ray_namespace", "")):
            continue
        ips = {nodes[id_] for id_ in (bundle.node_id.hex() for bundle in one.bundles) if id_ in nodes}
        if ips:
            yield {"group": one.name or one.placement_group_id.hex()[:8], "ips": sorted(ips)}


def tasks_on(node):
    """How many tasks run on a node, without those of actors, and the objects and bytes of which it has the main copy.

    None if its raylet does not answer.
    """
    from ray._private.internal_api import node_stats

    try:
        stats = node_stats(node["NodeManagerAddress"], node["NodeManagerPort"], include_memory_info=False)
    except Exception:
        return None
    workers = [
        one
        for one in stats.core_workers_stats
        if one.worker_type != DRIVER and not one.actor_id.strip(b"\xff")
    ]
    store = stats.store_stats
    objects = getattr(store, "num_object_store_primary_copies", 0)
    size = getattr(store, "object_store_bytes_primary_copy", 0)
    return sum(one.num_running_tasks for one in workers), objects, size


def main():
    address = spec["address"]
    host, _, port = address.rpartition(":")
    # Ray itself would retry for a minute
    socket.create_connection((host.strip("[]"), int(port)), 5).close()
    accessor = accessor_of(address)
    table = [node for node in accessor.get_node_table() if node["Alive"]]
    nodes = {node["NodeID"]: node["NodeManagerAddress"] for node in table}
    actors = actors_of(accessor)
    supervised = {one.name for one in actors if one.ray_namespace == SUPERVISORS}
    jobs = list(jobs_of(address, supervised, nodes))
    for job in jobs:
        say("RF", job)
    for driver in drivers_of(accessor, {job["job"] for job in jobs}):
        say("RF", driver)
    for one in actors:
        if one.ray_namespace == SUPERVISORS or ours(one.ray_namespace):
            continue
        moves = one.max_restarts < 0 or one.num_restarts < one.max_restarts
        name = one.name or one.class_name
        ip = nodes.get((one.node_id or one.address.raylet_id).hex(), "")
        say("RF", {"actor": name, "detached": one.is_detached, "moves": moves, "ip": ip})
    for group in groups_of(accessor, nodes):
        say("RF", group)
    for node in table[:MOST]:
        if node["NodeManagerAddress"] in spec["tasks_on"]:
            found = tasks_on(node)
            if found and any(found):
                count, objects, size = found
                say(
                    "RF",
                    {"tasks": count, "objects": objects, "bytes": size, "ip": node["NodeManagerAddress"]},
                )
    say("RF", {"done": True})
    end(0)


def run():
    try:
        main()
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    end(1)


threading.Thread(target=run, daemon=True).start()
time.sleep(spec["timeout"])
sys.stderr.write(f"no answer within {spec['timeout']:g} s\n")
end(1)
