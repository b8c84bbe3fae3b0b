#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: batch install python_unpack uv
# values: PYTHON PYTHON_FILE UV_VERSION
# Python, uv and an empty environment, unless they are there.
uv_make() {
    [ -z "$PYTHON_FILE" ] || python_unpack
    uv_begin
    uv_here || unpack_uv "$PYTHON" || say_why "uv $UV_VERSION does not run here" "can programs run from $ROOT? (mount option noexec)"
    [ -x "$rf_env/bin/python" ] || "$rf_uv" venv --quiet --no-project --python "$PYTHON" "$rf_env" 2>>"$rf_log" ||
        say_why "cannot make an environment with $PYTHON" "look at: $PYTHON -V"
}
rf_make=uv_make
