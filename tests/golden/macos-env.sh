HOME=/Users/alice
PATH=/Users/alice/.rayfab/lab/envs/ray-2.52.0-py3.11.2-abc/bin:$PATH
VIRTUAL_ENV=/Users/alice/.rayfab/lab/envs/ray-2.52.0-py3.11.2-abc
export HOME PATH VIRTUAL_ENV
unset PYTHONHOME PYTHONPATH
export RAY_AUTH_MODE=token
export RAY_USAGE_STATS_ENABLED=0
export RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=1
export RAY_AUTH_TOKEN_PATH=/Users/alice/.rayfab/lab/token
