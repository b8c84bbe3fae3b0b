#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# The tag for this host's own architecture, where the image has one for each.
image_name() {
    [ -z "${IMAGE_ARM-}" ] || case $(uname -m) in aarch64 | arm64) IMAGE=$IMAGE_ARM ;; esac
}
# $1, or the image under one of its names: id, platform, date, layers, digests; one line
image_about() {
    rf_about='{{.Id}} {{.Os}}/{{.Architecture}} {{.Created}} {{range .RootFS.Layers}}{{.}},{{end}} {{range .RepoDigests}}{{.}},{{end}}'
    for rf_name in "${1:-$IMAGE}" $LOCAL_TAG; do
        # docker prints an empty line for what is not there
        rf_known=$(dk image inspect --format "$rf_about" "$rf_name" 2>/dev/null) && printf '%s\n' "$rf_known" && return 0
        [ -z "$1" ] || return 1
    done
    return 1
}
