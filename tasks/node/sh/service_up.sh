#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib authorities kept node outside_* not_started ray_folder session store_for up_* wait_ray
# values: ENV_DIR ENV_SH JOURNAL_PY OUTSIDE PRUNE_PY RECORD SERVICE START_SH STATE TEMP_DIR TRYING WATCH_PY
# Hands the start script to its supervisor, (re)starts it and waits for Ray.
(umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
rf_old=$(node_service)
[ "$rf_old" = none ] || note_sessions "$rf_old"
if [ "$rf_old" != none ] && { [ "$rf_old" != "$SERVICE" ] || ! have "${SERVICE}_replaces"; }; then
    step "stopping the previous node"
    node_down "$rf_old"
    [ "$rf_old" = "$SERVICE" ] || node_do "$rf_old" gone
fi
if ! store_same; then
    # a head that runs still writes into it
    if [ -d "$NODE/gcs" ] && [ "$rf_old" != none ]; then node_down "$rf_old"; fi
    store_drop
    store_note
fi
ray_folder
# Ray's own tools look for a folder of this name
case $TEMP_DIR in
    */ray) rm -rf "$NODE/tools" ;;
    *) mkdir -p "$NODE/tools" && rm -f "$NODE/tools/ray" && ln -s "$TEMP_DIR" "$NODE/tools/ray" || fail "cannot make $NODE/tools" ;;
esac
not_started
[ -z "${RF_TOKEN-}" ] || write_file "$NODE/token" 600 "$RF_TOKEN"
write_file "$NODE/env.sh" 600 "$ENV_SH"
write_file "$NODE/session.sh" 600 "$(session_exports)$NL"
if [ -f "$NODE/authorities.pem" ]; then
    { system_authorities || "$ENV_DIR/bin/python" -c 'import certifi; print(certifi.contents())'; } 2>/dev/null |
        join_authorities || fail "cannot write $NODE/ca.pem" "free some space below $HOME"
fi
write_file "$NODE/start.sh" 700 "$START_SH"
write_file "$NODE/prune.py" 600 "$PRUNE_PY"
[ -z "$JOURNAL_PY" ] || write_file "$NODE/journal.py" 600 "$JOURNAL_PY"
write_file "$NODE/watch.py" 600 "$WATCH_PY"
write_file "$NODE/service" 600 "$SERVICE"
rm -f "$NODE/env" "$NODE/env.new" && ln -s "$ENV_DIR" "$NODE/env" && rm -f "$NODE/env.next" || fail "cannot make $NODE/env"
for rf_name in $OUTSIDE; do "${rf_name}_entered"; done
rm -f "$NODE/starts" "$NODE/start.log" "$NODE/start.log.1" "$NODE/life.json" "$NODE/hold"
step "starting Ray"
sessions_before
node_do "$SERVICE" up
wait_ray "$SERVICE"
write_file "$NODE/state.json" 600 "$STATE"
[ -n "$TRYING" ] || record_started "$RECORD"
