#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib image pieces pieces_room
# values: LIST
# Before pieces are copied here: which ones exist already, and whether there is space for the others.
image_begin
(umask 077 && mkdir -p "$rf_parts") || fail "cannot make $rf_parts"
rf_need=0
for rf_file in "$rf_parts"/*; do
    case $LIST in *"${rf_file##*/} "*) ;; *) rm -f "$rf_file" ;; esac
done
while read -r rf_sum rf_size; do
    [ -n "$rf_sum" ] || continue
    if piece_whole "$rf_sum" "$rf_size"; then emit have "$rf_sum"; else rf_need=$((rf_need + rf_size)); fi
done <<LIST
$LIST
LIST
pieces_room "$rf_need"
