#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: TOY_FOLDER
# The versions of Ray and Python in the toy's folder.
emit toy "$("$TOY_FOLDER/bin/python" -c 'import platform, ray
print(ray.__version__, platform.python_version())' 2>/dev/null)"
