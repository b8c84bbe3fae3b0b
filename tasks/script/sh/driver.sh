#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node
# values: DRIVER SPEC
# Runs a Python driver in the head's environment. Lines that it prints with RF in front are the answer.
rf_service=$(node_service)
[ "$rf_service" != none ] || fail "this cluster has no node on this host" "fab deploy-cluster starts it"
node_do "$rf_service" need
rf_err=$NODE/driver.err
printf '%s' "$DRIVER" | node_do "$rf_service" exec python - "$SPEC" 2>"$rf_err" | while IFS= read -r rf_line; do
    case $rf_line in
        "RFSTEP "*) step "${rf_line#RFSTEP }" ;;
        "RF "*) printf '%s text answer %s\n' "$RF_MARK" "${rf_line#RF }" ;;
    esac
done
tail -n 12 "$rf_err" 2>/dev/null | emit_text log
rm -f "$rf_err"
