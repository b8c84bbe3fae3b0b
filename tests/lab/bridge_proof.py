"""A job that the bridge tests run: tasks pinned to every node, actors that read a large object of every other."""

import json

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

SIZE = 100_000_000  # bytes

ray.init(address="auto")
nodes = {n["NodeManagerAddress"]: n["NodeID"] for n in ray.nodes() if n["Alive"]}


def on(ip):
    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node_id=nodes[ip], soft=False)}


@ray.remote(num_cpus=0)
def where():
    return ray.util.get_node_ip_address()


@ray.remote(num_cpus=0)
class Keeper:
    def make(self):
        return [ray.put(bytes(SIZE))]

    def read(self, refs):
        return len(ray.get(refs[0]))


ran = {ip: ray.get(where.options(**on(ip)).remote()) for ip in nodes}
keepers = {ip: Keeper.options(**on(ip)).remote() for ip in nodes}
made = {ip: ray.get(keeper.make.remote()) for ip, keeper in keepers.items()}
read = [(a, b, ray.get(keepers[a].read.remote(made[b]))) for a in nodes for b in nodes if a != b]
print("PROOF " + json.dumps({"ran": ran, "read": read}))
