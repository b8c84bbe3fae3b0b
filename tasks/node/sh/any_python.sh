#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# Sets rf_py: a Python 3 of this host, or of an environment of this cluster; fails if there is none.
any_python() {
    # macOS has a python3 that only prints how to install one
    for rf_py in python3 /usr/libexec/platform-python "$NODE"/envs/*/bin/python; do
        if have "$rf_py" && "$rf_py" -c 'import socket, threading' >/dev/null 2>&1; then return 0; fi
    done
    return 1
}
