"""Runs on the head, in the cluster's own Python (3.7 and later): which ids in Ray a submitted job has.

It asks the GCS without `ray.init`, so it creates no job. argv: {"address", "job", "timeout"}.
"""

import json
import os
import sys
import threading
import time

spec = json.loads(sys.argv[1])
# otherwise gRPC would send the requests to a proxy
for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "grpc_proxy"):
    os.environ.pop(name, None)


def end(code):
    sys.stdout.flush()
    sys.stderr.flush()
    # Ray's threads may hang in calls that are never answered
    os._exit(code)


def main():
    from ray._raylet import GcsClientOptions, GlobalStateAccessor
    from ray.core.generated.gcs_pb2 import JobTableData

    if hasattr(GcsClientOptions, "create"):
        options = GcsClientOptions.create(
            spec["address"], None, allow_cluster_id_nil=True, fetch_cluster_id_if_nil=False
        )
    else:
        options = GcsClientOptions.from_gcs_address(spec["address"])
    accessor = GlobalStateAccessor(options)
    if not accessor.connect():
        raise ConnectionError(f"no GCS answers at {spec['address']}")
    jobs = map(JobTableData.FromString, accessor.get_job_table())
    found = [one.job_id.hex() for one in jobs if one.config.metadata.get("job_submission_id") == spec["job"]]
    sys.stdout.write(f"RF {json.dumps(found)}\n")


def run():
    try:
        main()
        end(0)
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    end(1)


threading.Thread(target=run, daemon=True).start()
time.sleep(spec["timeout"])
sys.stderr.write(f"no answer within {spec['timeout']:g} s\n")
end(1)
