#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib store
# values: ADDRESS ENV_ID IDLE PORTS SERVE
# Serves this host's store to the other hosts with the environment's Python. It ends by itself after some idle time.
store_quiet
rf_python=$SHARED/envs/$ENV_ID/bin/python
[ -x "$rf_python" ] || fail "there is no environment $ENV_ID to serve with" "fab deploy-cluster makes it"
write_file "$STORE/.token" 600 "$RF_SEED"
# shellcheck disable=SC2086
nohup "$rf_python" -c "$SERVE" "$STORE" "$ADDRESS" "$IDLE" $PORTS </dev/null >"$NODE/serve.log" 2>&1 &
rf_serving=$!
write_file "$NODE/serve.pid" 600 "$rf_serving$NL"
rf_n=0
until rf_port=$(sed -n 's/^port //p' "$NODE/serve.log") && [ -n "$rf_port" ]; do
    rf_n=$((rf_n + 1))
    # by process id alone: until the program has started, its arguments are this shell's
    if [ "$rf_n" -gt 150 ] || ! kill -0 "$rf_serving" 2>/dev/null; then
        rf_said=$(tail -n 1 "$NODE/serve.log")
        store_quiet
        fail "cannot serve the packages: ${rf_said:-its server ended}" "package_source: pull lets every host download for itself"
    fi
    nap
done
rm -f "$STORE/.token"
emit port "$rf_port"
