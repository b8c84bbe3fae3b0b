#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib docker sums
# An image in pieces: files named after their SHA-256, which together are a .tar.gz.
rf_parts=$NODE/image.parts
# Whether a piece is complete. $1: sum, $2: size. If no tool here computes sums, the engine still checks the layers.
piece_whole() {
    [ -f "$rf_parts/$1" ] && [ "$(wc -c <"$rf_parts/$1" | tr -d ' ')" = "$2" ] && [ "$(sum_of "$rf_parts/$1" "$1")" = "$1" ]
}
# The user that a container must run as to write into this user's folder.
pieces_user() {
    case $(dk info --format '{{.SecurityOptions}}' 2>/dev/null) in
        *rootless* | *userns*) echo 0:0 ;;
        *) echo "$(id -u):$(id -g)" ;;
    esac
}
