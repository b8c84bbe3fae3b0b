#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# Looks for Python interpreters. Shims only start another interpreter, so they are skipped.
rf_python() {
    case $1 in */shims/*) return ;; esac
    [ -x "$1" ] || return 0
    rf_value=$("$1" -V 2>&1) && emit python "$rf_value $1"
}
rf_old=$IFS
IFS=:
for rf_dir in $PATH:$HOME/.local/bin:/opt/homebrew/bin; do
    IFS=$rf_old
    case ":${rf_seen-}:" in *":$rf_dir:"*) continue ;; esac
    rf_seen=${rf_seen-}:$rf_dir
    if [ -h "$rf_dir" ] && [ "$rf_dir" = /bin ]; then continue; fi
    rf_found=
    for rf_file in "$rf_dir"/python3.[0-9] "$rf_dir"/python3.[0-9][0-9]; do
        if [ -x "$rf_file" ]; then
            rf_found=1
            rf_python "$rf_file"
        fi
    done
    [ -n "$rf_found" ] || rf_python "$rf_dir/python3"
done
IFS=$rf_old
for rf_file in "$HOME"/.pyenv/versions/*/bin/python3 "$HOME"/.local/share/uv/python/cpython-*/bin/python3 \
    /opt/python*/bin/python3; do
    rf_python "$rf_file"
done
