#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib any_python
# values: CAP LIMIT LISTEN PROGRAM TARGET TOKEN V6
# One end of a measurement between two hosts: it takes what the other sends, or sends. The program ends by itself.
any_python || fail "there is no Python to measure with" "fab deploy-cluster brings one"
"$rf_py" -c "$PROGRAM" "$TOKEN" "$LIMIT" "$CAP" "$V6" "$LISTEN" "$TARGET" 2>/dev/null | while IFS= read -r rf_line; do
    emit "${rf_line%% *}" "${rf_line#* }"
done
