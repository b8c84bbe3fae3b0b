#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
rf_service=$(node_service)
if [ "$rf_service" = none ]; then
    emit changed 0
    finish 0
fi
step "stopping Ray"
node_down "$rf_service"
emit changed 1
