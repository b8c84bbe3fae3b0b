#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# After the packages have been handed on: no server stays; the store does, for the next host and for mending.
store_quiet
