#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# What this head remembers of changes.
[ ! -r "$NODE/history.jsonl" ] || emit_text history <"$NODE/history.jsonl"
