"""The GCS asked without being a driver, so that no job is made: a part of other programs."""

import json
import os
import sys

# otherwise gRPC would send the requests to a proxy
for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "grpc_proxy"):
    os.environ.pop(name, None)


def say(kind, value):
    sys.stdout.write(f"{kind} {value if isinstance(value, str) else json.dumps(value)}\n")
    sys.stdout.flush()


def end(code):
    sys.stdout.flush()
    sys.stderr.flush()
    # Ray's threads may hang in calls that are never answered
    os._exit(code)


def accessor_of(address):
    from ray._raylet import GcsClientOptions, GlobalStateAccessor

    if hasattr(GcsClientOptions, "create"):
        options = GcsClientOptions.create(
            address, None, allow_cluster_id_nil=True, fetch_cluster_id_if_nil=False
        )
    else:
        options = GcsClientOptions.from_gcs_address(address)
    accessor = GlobalStateAccessor(options)
    if not accessor.connect():
        raise ConnectionError(f"no GCS answers at {address}")
    return accessor
