#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib any_python node
# values: EACH FOLDER PROGRAM
# Loads this host for a while and compares each result with what it must be. The program ends with this session, and
# its file has no name from the start, so that nothing is left.
rf_service=$(node_service)
burn_lines() {
    while IFS= read -r rf_line; do
        case $rf_line in
            "STEP "*) step "${rf_line#STEP }" ;;
            "RESULT "*) emit burn "${rf_line#RESULT }" ;;
        esac
    done
}
any_python || fail "there is no Python to load this host with" "fab deploy-cluster brings one"
rf_dir=$FOLDER
case $rf_dir in \~/*) rf_dir=$HOME/${rf_dir#??} ;; esac
while [ -n "$rf_dir" ] && { [ ! -d "$rf_dir" ] || [ ! -w "$rf_dir" ]; }; do rf_dir=${rf_dir%/*}; done
[ -n "$rf_dir" ] || rf_dir=$HOME
"$rf_py" -c "$PROGRAM" "$EACH" "$rf_dir" cpu memory disk 2>/dev/null | burn_lines
# the packages that can use a GPU are in the node's environment, if anywhere
rf_smi=nvidia-smi
have nvidia-smi || rf_smi=/usr/lib/wsl/lib/nvidia-smi
if have "$rf_smi"; then
    if [ "$rf_service" = none ]; then
        "$rf_py" -c "$PROGRAM" "$EACH" "$rf_dir" gpu 2>/dev/null | burn_lines
    else
        node_do "$rf_service" reach
        printf '%s' "$PROGRAM" | node_do "$rf_service" exec python - "$EACH" "$rf_dir" gpu 2>/dev/null | burn_lines
    fi
fi
