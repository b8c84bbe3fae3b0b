#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib metrics
rf_changed=0
[ ! -d "$NODE/metrics" ] || rf_changed=1
metrics_remove
# where there is no node, nothing else is in it
rmdir "$NODE" 2>/dev/null || :
emit changed "$rf_changed"
