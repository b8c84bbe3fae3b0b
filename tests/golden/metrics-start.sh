#!/bin/sh
# Runs Prometheus, and Grafana if it is there. Written by fab metrics up; the next one overwrites what is changed here.
cd '/home/it'"'"'s me/.rayfab/lab/metrics' || exit 1
unset GF_SECURITY_ADMIN_USER GF_SECURITY_ADMIN_PASSWORD
keep() {
    keep_pid=
    trap 'trap "" TERM; kill -TERM $keep_pid 2>/dev/null; wait $keep_pid; exit 0' TERM INT HUP
    while :; do
        "$@" &
        keep_pid=$!
        wait $keep_pid
        sleep 3 &
        keep_pid=$!
        wait $keep_pid
    done
}
keep bin/prometheus --config.file=prometheus.yml --web.listen-address=127.0.0.1:9090 \
    --storage.tsdb.path=data --storage.tsdb.retention.time=15d --storage.tsdb.retention.size=5GB \
    </dev/null >prometheus.log 2>&1 &
both=$!
if [ -x bin/grafana ]; then
    case $(readlink bin/grafana) in
        */grafana-server) set -- ;;
        *) set -- server ;;
    esac
    GF_PATHS_DATA=$PWD/grafana-data
    GF_PATHS_LOGS=$PWD/grafana-data
    GF_PATHS_PLUGINS=$PWD/grafana-data/plugins
    GF_PATHS_PROVISIONING=$PWD/provisioning
    export GF_PATHS_DATA GF_PATHS_LOGS GF_PATHS_PLUGINS GF_PATHS_PROVISIONING
    keep bin/grafana "$@" --homepath grafana-home --config grafana.ini </dev/null >grafana.log 2>&1 &
    both="$both $!"
fi
trap 'trap "" TERM; kill -TERM $both 2>/dev/null; wait; exit 0' TERM INT HUP
wait
