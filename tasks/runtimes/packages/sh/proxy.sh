#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# values: NO_PROXY_FOR PROXY
# Sets the proxy, if there is one, for programs that download or build.
proxy_on() {
    [ -n "$PROXY" ] || return 0
    http_proxy=$PROXY
    https_proxy=$PROXY
    HTTPS_PROXY=$PROXY
    no_proxy=$NO_PROXY_FOR
    NO_PROXY=$NO_PROXY_FOR
    export http_proxy https_proxy HTTPS_PROXY no_proxy NO_PROXY
}
