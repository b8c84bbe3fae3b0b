rayfab_direct=localhost,127.0.0.1
# shellcheck source=/dev/null
[ ! -r /root/.rayfab/lab/session.sh ] || . /root/.rayfab/lab/session.sh
HOME=/root
PATH=/root/.rayfab/lab/envs/ray-2.52.0-py3.11.2-abc/bin:$PATH
VIRTUAL_ENV=/root/.rayfab/lab/envs/ray-2.52.0-py3.11.2-abc
export HOME PATH VIRTUAL_ENV
unset PYTHONHOME PYTHONPATH
export UV_SYSTEM_CERTS=1
export UV_NATIVE_TLS=1
export RAY_AUTH_MODE=token
export RAY_USAGE_STATS_ENABLED=0
export AUTOSCALER_METRIC_PORT=20006
export DASHBOARD_METRIC_PORT=20007
export RAY_ROTATION_MAX_BYTES=83886080
export RAY_ROTATION_BACKUP_COUNT=3
export RAY_log_rotation_max_bytes=83886080
export RAY_log_rotation_backup_count=3
export RAY_AUTH_TOKEN_PATH=/root/.rayfab/lab/token
case ,${no_proxy-},${NO_PROXY-}, in
    *',*,'*) no_proxy='*' ;;
    *)
        [ -z "${NO_PROXY-}" ] || [ "${no_proxy-}" = "$NO_PROXY" ] || no_proxy=${no_proxy-}${no_proxy:+,}$NO_PROXY
        no_proxy=${no_proxy-}${no_proxy:+,}$rayfab_direct
        ;;
esac
NO_PROXY=$no_proxy
export no_proxy NO_PROXY
if [ -n "${no_grpc_proxy-}" ]; then
    no_grpc_proxy=$no_grpc_proxy,$rayfab_direct
    export no_grpc_proxy
fi
