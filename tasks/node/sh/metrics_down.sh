#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib metrics
rf_changed=0
[ ! -d "$NODE/metrics" ] || rf_changed=1
metrics_remove
emit changed "$rf_changed"
