#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: ENV_ID IMPORTS PACKAGES
# Imports Ray and the user's packages in an environment that does not run yet.
rf_log=$NODE/try.log
rf_said=$(printf '%s' "$IMPORTS" | with_packages env PYTHONNOUSERSITE=1 "$SHARED/envs/$ENV_ID/bin/python" - 2>"$rf_log" | sed -n 's/^RF //p')
tail -n 12 "$rf_log" 2>/dev/null | emit_text log
rf_last=$(grep -v '^[[:space:]]*$' "$rf_log" | tail -n 1)
rm -f "$rf_log"
case "$NL$rf_said$NL" in
    "${NL}done$NL") ;;
    *"${NL}done$NL") fail "cannot be imported: $(printf '%s\n' "$rf_said" | sed '/^done$/d' | head -n 1)" "choose a version of it that this Ray and Python run with" ;;
    *) fail "the new environment does not import Ray: ${rf_last:-it said nothing}" "the last lines of its Python are below" ;;
esac
