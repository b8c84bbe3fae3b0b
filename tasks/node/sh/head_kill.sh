#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node
# values: KILLED
# Kills the GCS, or all processes of this node, as a crash would; its supervisor is left alone. KILLED: gcs or all
rf_service=$(node_service)
[ "$rf_service" != none ] || fail "this cluster has no node on this host" "fab deploy-cluster starts it"
node_do "$rf_service" need
# what this test ends is no sign of a node that does not stay up
rm -f "$NODE/starts"
node_do "$rf_service" kill "$KILLED"
emit killed 1
