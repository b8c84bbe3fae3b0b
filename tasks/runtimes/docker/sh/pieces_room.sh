#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib docker image sums
# values: RAW_BYTES
device() { df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $1 }'; }
# Fails if there is not enough space. $1: bytes that the pieces need.
# The engine unpacks RAW_BYTES twice, into temporary files and as layers.
pieces_room() {
    rf_engine=$(dk info --format '{{.DockerRootDir}}' 2>/dev/null)
    rf_kb=$(($1 / 1024))
    rf_raw=$((RAW_BYTES / 1024 * 2))
    if [ "$(device "$rf_engine")" = "$(device "$NODE")" ]; then rf_raw=$((rf_raw + rf_kb)); fi
    # with Docker Desktop the engine's folder is in a virtual machine
    if [ -n "$(free_kb "$rf_engine")" ] && [ "$(free_kb "$rf_engine")" -lt "$rf_raw" ]; then
        no_space "$((rf_raw / 1000)) MB are needed in $rf_engine, $(($(free_kb "$rf_engine") / 1000)) MB are free"
    fi
    if [ "$(free_kb "$NODE")" -lt "$rf_kb" ]; then
        no_space "$((rf_kb / 1000)) MB are needed in $NODE, $(($(free_kb "$NODE") / 1000)) MB are free"
    fi
}
