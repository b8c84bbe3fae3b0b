#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib store
# values: PYTHON_FILE PYTHON_VERSION
python_unpack() { fail "not made yet"; }
