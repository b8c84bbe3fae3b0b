#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# values: ENV_NAME
# The name of the node's environment, for outside_conda.sh.
rf_env_name=$ENV_NAME
