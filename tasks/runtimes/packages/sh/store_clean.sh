#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: store
# Stops the server after the packages were distributed. The store stays, for later hosts and repairs.
store_quiet
