#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib metrics node node_logs up_*
# values: DATASOURCE GIVEN GRAFANA_INI HERE HOSTS_JSON PORTS PROMETHEUS_YML PROVIDER RULES_YML SERVICE START_SH TEMP_DIR
# Installs Prometheus, and Grafana where it is given or there, and starts both: beside the head, or with HERE on a machine
# that may have no node, for which the dashboards of Ray are given.
# Debian's package without installing it: Debian would start a Prometheus of its own, which everybody reaches. apt compares
# the package with the signed lists.
metrics_debian() {
    have apt-get && have dpkg || return 1
    step "downloading Debian's package of Prometheus"
    rf_dir=$NODE/package
    rm -rf "$rf_dir" "$NODE/prometheus"
    mkdir -p "$rf_dir" || fail "cannot make $rf_dir"
    rf_says=$(cd "$rf_dir" && apt-get download prometheus 2>&1)
    if ! ls "$rf_dir"/prometheus_*.deb >/dev/null 2>&1 && can_root; then
        # the lists are missing or old
        rf_says=$(as_root apt-get update 2>&1 && cd "$rf_dir" && apt-get download prometheus 2>&1)
    fi
    ls "$rf_dir"/prometheus_*.deb >/dev/null 2>&1 ||
        fail "apt-get download prometheus: $(one_line "$(printf '%s\n' "$rf_says" | tail -n 2)")" "as root: apt-get update; or give a file: fab metrics up --prometheus FILE@sha256:SUM"
    dpkg -x "$rf_dir"/prometheus_*.deb "$NODE/prometheus" || fail "cannot unpack Debian's package of Prometheus" "is there space below $NODE?"
    rm -rf "$rf_dir"
}
# Unpacks the archive of $1 that was copied here.
metrics_unpack() {
    rf_file=${NODE%/*}/metrics-$1.tar.gz
    rm -rf "${NODE:?}/$1"
    mkdir -p "$NODE/$1" && gzip -dc <"$rf_file" | tar -xf - -C "$NODE/$1" || fail "cannot unpack the archive of $1" "is it a .tar.gz for $(uname -sm), and is there space below $NODE?"
    rm -f "$rf_file"
}
# Prints the first of these files that exists: it may be in a folder that the archive has.
metrics_first() {
    for rf_file in "$@"; do
        [ -f "$rf_file" ] && [ -x "$rf_file" ] || continue
        printf '%s' "$rf_file"
        return 0
    done
    return 1
}
metrics_prometheus() {
    metrics_first "$NODE/prometheus/usr/bin/prometheus" "$NODE/prometheus/prometheus" "$NODE"/prometheus/*/prometheus
}
metrics_grafana() {
    metrics_first "$NODE/grafana/bin/grafana" "$NODE/grafana/bin/grafana-server" "$NODE"/grafana/*/bin/grafana "$NODE"/grafana/*/bin/grafana-server
}
# Waits until $1 has written $2 into its log; $3 is its port, $4 the name of that port in the hosts file.
metrics_wait() {
    step "starting $1"
    rf_n=0
    until grep -q "$2" "$NODE/$1.log" 2>/dev/null; do
        rf_n=$((rf_n + 1))
        if grep -q "address already in use" "$NODE/$1.log" 2>/dev/null; then
            fail "port $3 of 127.0.0.1 is in use on this host" "ray.ports.$4 in the hosts file names another one; then deploy-cluster and metrics up"
        fi
        if [ "$rf_n" -ge 300 ]; then
            tail -n 12 "$NODE/$1.log" 2>/dev/null | emit_text log
            fail "$1 did not start within a minute" "its log on this host: $NODE/$1.log"
        fi
        nap
    done
}
if [ -z "$HERE" ]; then
    [ "$(node_service)" != none ] || fail "this cluster has no node on this host" "fab deploy-cluster starts it"
    node_do "$(node_service)" reach
    node_logs
fi
metrics_names
(umask 077 && mkdir -p "$NODE/bin" "$NODE/dashboards" "$NODE/provisioning/datasources" "$NODE/provisioning/dashboards") || fail "cannot make $NODE"
metrics_stop
for rf_name in $GIVEN; do metrics_unpack "$rf_name"; done
if ! rf_binary=$(metrics_prometheus); then
    if have prometheus; then rf_binary=$(command -v prometheus); else
        metrics_debian || fail "there is no Prometheus on this host, and no apt-get to get one" "fab metrics up --prometheus FILE@sha256:SUM takes the .tar.gz that its makers publish"
        rf_binary=$(metrics_prometheus) || fail "Debian's package has no program prometheus" "fab metrics up --prometheus FILE@sha256:SUM"
    fi
fi
rf_says=$("$rf_binary" --version 2>&1) || fail "$rf_binary cannot be run: $(one_line "$rf_says")" "is it for $(uname -sm)? fab metrics up --prometheus FILE@sha256:SUM takes another one"
emit prometheus "$(printf '%s\n' "$rf_says" | sed -n 's/^prometheus, version \([^ ]*\).*/\1/p')"
rm -f "$NODE/bin/prometheus" "$NODE/bin/grafana" "$NODE/grafana-home" "$NODE/ray"
ln -s "$rf_binary" "$NODE/bin/prometheus" || fail "cannot make $NODE/bin/prometheus"
[ -n "$HERE" ] || ln -s "$TEMP_DIR" "$NODE/ray" || fail "cannot make $NODE/ray"
rf_home=
if rf_binary=$(metrics_grafana); then
    rf_home=${rf_binary%/bin/*}
elif [ -d /usr/share/grafana/conf ] && rf_binary=$(command -v grafana || command -v grafana-server); then
    # a package of Grafana's makers
    rf_home=/usr/share/grafana
fi
if [ -n "$rf_home" ]; then
    ln -s "$rf_binary" "$NODE/bin/grafana" && ln -s "$rf_home" "$NODE/grafana-home" || fail "cannot make $NODE/bin/grafana"
fi
rm -f "$NODE"/*.log
if [ -z "$HERE" ]; then
    rm -f "$NODE/dashboards"/*.json
    for rf_file in "${rf_logs%/logs}"/metrics/grafana/dashboards/*.json; do
        [ ! -r "$rf_file" ] || cp "$rf_file" "$NODE/dashboards/" || :
    done
    [ -r "$NODE/ray/prom_metrics_service_discovery.json" ] || emit undiscovered "$TEMP_DIR/prom_metrics_service_discovery.json"
fi
rf_n=0
for rf_file in "$NODE/dashboards"/*.json; do [ ! -r "$rf_file" ] || rf_n=$((rf_n + 1)); done
emit dashboards "$rf_n"
write_file "$NODE/prometheus.yml" 600 "$PROMETHEUS_YML"
write_file "$NODE/hosts.json" 600 "$HOSTS_JSON"
write_file "$NODE/rules.yml" 600 "$RULES_YML"
write_file "$NODE/grafana.ini" 600 "$GRAFANA_INI"
write_file "$NODE/provisioning/datasources/ray.yml" 600 "$DATASOURCE"
write_file "$NODE/provisioning/dashboards/ray.yml" 600 "$PROVIDER"
write_file "$NODE/start.sh" 700 "$START_SH"
write_file "$NODE/service" 600 "$SERVICE"
# these are Ray's, and no folder of the service
TEMP_DIR=
node_do "$SERVICE" up
metrics_wait prometheus "Server is ready to receive web requests" "${PORTS% *}" prometheus
if [ -n "$rf_home" ]; then
    metrics_wait grafana "HTTP Server Listen" "${PORTS#* }" grafana
    emit grafana "$rf_home"
fi
