HOME=/root
PATH=/root/.rayfab/lab/envs/ray-2.52.0-py3.11.2-abc/bin:$PATH
VIRTUAL_ENV=/root/.rayfab/lab/envs/ray-2.52.0-py3.11.2-abc
export HOME PATH VIRTUAL_ENV
unset PYTHONHOME PYTHONPATH
export RAY_AUTH_MODE=token
export RAY_USAGE_STATS_ENABLED=0
export RAY_AUTH_TOKEN_PATH=/root/.rayfab/lab/token
