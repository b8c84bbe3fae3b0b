#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node node_logs
# Ray's dashboards for Grafana, which the head of a session writes.
node_do "$(node_service)" reach
node_logs
for rf_file in "${rf_logs%/logs}"/metrics/grafana/dashboards/*.json; do
    [ ! -r "$rf_file" ] || emit_text "board:${rf_file##*/}" <"$rf_file"
done
