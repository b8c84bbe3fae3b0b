#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# An image in pieces: files named by their SHA-256, in the order of LIST ("sum size" a line); together a .tar.gz.
rf_parts=$NODE/image.parts
# $1: sum, $2: size. Where no sum can be had, the engine itself checks the layers as it loads them.
piece_whole() {
    [ -f "$rf_parts/$1" ] && [ "$(wc -c <"$rf_parts/$1" | tr -d ' ')" = "$2" ] && [ "$(sum_of "$rf_parts/$1" "$1")" = "$1" ]
}
device() { df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $1 }'; }
# $1: bytes that the pieces still need here; the engine unpacks RAW_BYTES into a folder of its own, and again as layers.
pieces_room() {
    rf_engine=$(dk info --format '{{.DockerRootDir}}' 2>/dev/null)
    rf_kb=$(($1 / 1024))
    rf_raw=$((RAW_BYTES / 1024 * 2))
    if [ "$(device "$rf_engine")" = "$(device "$NODE")" ]; then rf_raw=$((rf_raw + rf_kb)); fi
    # on Docker Desktop the engine's folder is not this system's
    if [ -n "$(free_kb "$rf_engine")" ] && [ "$(free_kb "$rf_engine")" -lt "$rf_raw" ]; then
        no_space "$((rf_raw / 1000)) MB are needed in $rf_engine, $(($(free_kb "$rf_engine") / 1000)) MB are free"
    fi
    if [ "$(free_kb "$NODE")" -lt "$rf_kb" ]; then
        no_space "$((rf_kb / 1000)) MB are needed in $NODE, $(($(free_kb "$NODE") / 1000)) MB are free"
    fi
}
# Who a container must be to write into a folder of this user's.
pieces_user() {
    case $(dk info --format '{{.SecurityOptions}}' 2>/dev/null) in
        *rootless* | *userns*) echo 0:0 ;;
        *) echo "$(id -u):$(id -g)" ;;
    esac
}
