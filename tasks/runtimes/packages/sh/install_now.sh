#!/bin/sh
# shellcheck shell=sh disable=SC2154
# needs: batch install proxy
# Makes the environment from the locked files in the store; nothing is downloaded.
install_begin
proxy_on
install_from_store
