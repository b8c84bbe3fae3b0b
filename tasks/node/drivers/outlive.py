"""Runs on the head, in the cluster's own Python (3.7 and later): something on a worker that outlives the head, or not.

argv: {"do": make|look|clean, "address", "limit": seconds}. It makes a detached actor and a placement group in a
namespace of their own, says what is there, or removes them.
"""

import contextlib
import faulthandler
import json
import os
import sys

spec = json.loads(sys.argv[1])
# Ray lists the drivers of other namespaces as jobs
SPACE, NAME = "_ray_internal_rayfab_test_head", "rayfab-test-head"
faulthandler.dump_traceback_later(spec["limit"], exit=True)

import ray  # noqa: E402
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group  # noqa: E402

ray.init(address=spec["address"], namespace=SPACE, log_to_driver=False, logging_level="error")


@ray.remote(num_cpus=0)
class Keeper:
    def __init__(self):
        self.count = 0

    def more(self):
        import os

        self.count += 1
        return [os.getpid(), self.count]


def groups():
    """Id and state of the placement groups of this name that have not been removed."""
    table = ray.util.placement_group_table()
    return [
        [i, g["state"]] for i, g in sorted(table.items()) if g["name"] == NAME and g["state"] != "REMOVED"
    ]


def clean():
    with contextlib.suppress(ValueError):
        ray.kill(ray.get_actor(NAME))
    for group, _ in groups():
        remove_placement_group(PlacementGroup(ray.PlacementGroupID(bytes.fromhex(group))))


def alive():
    """Node ids of the workers, by address."""
    own = {n["NodeManagerAddress"] for n in ray.nodes() if "node:__internal_head__" in n["Resources"]}
    own = own or {spec["address"].rpartition(":")[0].strip("[]")}
    return {
        n["NodeID"]: n["NodeManagerAddress"]
        for n in ray.nodes()
        if n["Alive"] and n["NodeManagerAddress"] not in own
    }


if spec["do"] != "look":
    clean()
if spec["do"] == "make":
    where = sorted(alive().values()) or [spec["address"].rpartition(":")[0].strip("[]")]
    wanted = {"node:" + where[0]: 0.001}
    Keeper.options(name=NAME, lifetime="detached", resources=wanted).remote()
    ray.get(placement_group([wanted], name=NAME, lifetime="detached").ready(), timeout=spec["limit"])
found = {"nodes": sorted(alive()), "groups": groups(), "actor": None}
if spec["do"] != "clean":
    with contextlib.suppress(ValueError, ray.exceptions.RayError):
        found["actor"] = ray.get(ray.get_actor(NAME).more.remote(), timeout=spec["limit"] / 2)
sys.stdout.write("RF " + json.dumps(found) + "\n")
sys.stdout.flush()
# ray.shutdown would wait a second for nothing: the connection ends with this process
os._exit(0)
