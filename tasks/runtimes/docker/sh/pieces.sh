#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib docker sums
# An image in pieces: files named by their SHA-256, in the order of LIST ("sum size" a line); together a .tar.gz.
rf_parts=$NODE/image.parts
# $1: sum, $2: size. Where no sum can be had, the engine itself checks the layers as it loads them.
piece_whole() {
    [ -f "$rf_parts/$1" ] && [ "$(wc -c <"$rf_parts/$1" | tr -d ' ')" = "$2" ] && [ "$(sum_of "$rf_parts/$1" "$1")" = "$1" ]
}
# Who a container must be to write into a folder of this user's.
pieces_user() {
    case $(dk info --format '{{.SecurityOptions}}' 2>/dev/null) in
        *rootless* | *userns*) echo 0:0 ;;
        *) echo "$(id -u):$(id -g)" ;;
    esac
}
