#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: kind_* node
# values: KINDS
# Sets rf_services: the kind of service as $NODE has it. Where $NODE has gone: of each kind, what has the node's name.
find_services() {
    rf_services=$(node_service)
    [ "$rf_services" = none ] || return 0
    rf_services=
    for rf_kind in $KINDS; do
        if "${rf_kind}_there"; then rf_services="$rf_services $rf_kind"; fi
    done
}
