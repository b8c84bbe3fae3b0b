"""Runs on the head, in the cluster's own Python (3.7 and later): which ids in Ray a submitted job has.

It asks the GCS without `ray.init`, so it creates no job. argv: {"address", "job", "timeout"}.
"""

import json
import sys
import threading
import time

from tasks.node.drivers.gcs import accessor_of, end, say

spec = json.loads(sys.argv[1])


def main():
    from ray.core.generated.gcs_pb2 import JobTableData

    accessor = accessor_of(spec["address"])
    jobs = map(JobTableData.FromString, accessor.get_job_table())
    found = [one.job_id.hex() for one in jobs if one.config.metadata.get("job_submission_id") == spec["job"]]
    say("RF", found)


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
