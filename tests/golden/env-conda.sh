HOME=/root
PATH=/root/.rayfab/lab/envs/ray-2.52.0-py3.11.2-abc/bin:$PATH
CONDA_PREFIX=/root/.rayfab/lab/envs/ray-2.52.0-py3.11.2-abc
CONDA_DEFAULT_ENV=ray
PYTHONNOUSERSITE=1
export HOME PATH CONDA_PREFIX CONDA_DEFAULT_ENV PYTHONNOUSERSITE
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH
if IFS= read -r CONDA_EXE 2>/dev/null </root/.rayfab/lab/conda-base && [ -r "$CONDA_EXE/etc/profile.d/conda.sh" ]; then
    export CONDA_EXE="$CONDA_EXE/bin/conda"
else
    unset CONDA_EXE
fi
export RAY_AUTH_MODE=token
export RAY_USAGE_STATS_ENABLED=0
export RAY_AUTH_TOKEN_PATH=/root/.rayfab/lab/token
