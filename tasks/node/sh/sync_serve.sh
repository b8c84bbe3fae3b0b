#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib sync
# values: ADDRESS IDLE PORTS SERVE
# Serves the packs in SYNC to the other hosts. It ends by itself after some idle time.
sync_quiet
rf_python=$(sync_python)
[ -n "$rf_python" ] || fail "there is no Python 3 to serve with" "it is not needed: each host then gets its own copy"
write_file "$SYNC/.token" 600 "$RF_SEED"
# shellcheck disable=SC2086
nohup "$rf_python" -c "$SERVE" "$SYNC" "$ADDRESS" "$IDLE" $PORTS </dev/null >"$SYNC/serve.log" 2>&1 &
rf_serving=$!
write_file "$SYNC/serve.pid" 600 "$rf_serving$NL"
rf_n=0
until rf_port=$(sed -n 's/^port //p' "$SYNC/serve.log") && [ -n "$rf_port" ]; do
    rf_n=$((rf_n + 1))
    if [ "$rf_n" -gt 150 ] || ! kill -0 "$rf_serving" 2>/dev/null; then
        rf_said=$(tail -n 1 "$SYNC/serve.log")
        sync_quiet
        fail "cannot serve the files: ${rf_said:-its server ended}" "it is not needed: each host then gets its own copy"
    fi
    nap
done
rm -f "$SYNC/.token"
emit port "$rf_port"
