#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib kept_folder node
# Prints what a head keeps: the cluster's token, what it remembers of changes and jobs, and the state of its GCS, if it
# keeps one.
if [ -s "$NODE/token" ]; then
    IFS= read -r rf_value <"$NODE/token" || :
    emit token "$rf_value"
fi
[ ! -r "$NODE/history.jsonl" ] || emit_text history <"$NODE/history.jsonl"
# A container's user may write there: files only, and none that is larger than the journal makes it.
find "$NODE/jobs" -type f \( -name '*.json' -size -33 -o -name handed.jsonl -size -8193 \) -exec cat {} + 2>/dev/null |
    emit_text job
rf_service=$(node_service)
rf_dir=$(kept_folder)
# In a container of its own the state is in a volume.
kept_do() { if have "${rf_service}_boxed"; then node_do "$rf_service" store "$1"; else sh -c "$1" store "$rf_dir"; fi; }
# Files that only grow may grow meanwhile: their end is checked by what reads them.
# shellcheck disable=SC2016
kept_says() { kept_do 'cd "$1" && find . -type f ! -name "*.log" ! -name "LOG*" -exec ls -l {} +' 2>/dev/null </dev/null; }
# shellcheck disable=SC2016
kept_pack() { kept_do 'tar -C "$1" -cf - .' 2>/dev/null </dev/null || as_root tar -C "$rf_dir" -cf - . 2>/dev/null; }
if [ "$rf_service" != none ]; then node_do "$rf_service" reach; fi
# shellcheck disable=SC2016
if kept_do '[ -d "$1" ]' </dev/null; then
    step "reading the state"
    have gzip && have base64 || fail "the state of the head cannot be read without gzip and base64" "install them on the head"
    rf_file=$NODE/kept.$$
    rf_n=0
    while :; do
        rf_value=$(kept_says)
        (umask 077 && kept_pack | gzip -1 >"$rf_file") || fail "cannot write $rf_file"
        [ "$rf_value" != "$(kept_says)" ] || break
        rf_n=$((rf_n + 1))
        [ "$rf_n" -lt 10 ] || {
            rm -f "$rf_file"
            fail "the state of the head changes too fast to be copied" "fab stop, then the same again"
        }
    done
    base64 <"$rf_file" | emit_text kept
    # which Ray it is for, where that is noted beside it
    [ ! -r "$rf_dir.for" ] || { IFS= read -r rf_value <"$rf_dir.for" && emit kept_for "$rf_value"; }
    rm -f "$rf_file"
fi
