#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# The tag for this host's own architecture, where the image has one for each.
image_name() {
    [ -z "${IMAGE_ARM-}" ] || case $(uname -m) in aarch64 | arm64) IMAGE=$IMAGE_ARM ;; esac
}
# $1, or the image under one of its names: id, platform, date, layers, digests; one line
image_about() {
    rf_about='{{.Id}} {{.Os}}/{{.Architecture}} {{.Created}} {{range .RootFS.Layers}}{{.}},{{end}} {{range .RepoDigests}}{{.}},{{end}}'
    dk image inspect --format "$rf_about" "${1:-$IMAGE}" 2>/dev/null && return 0
    [ -z "$1" ] && [ -n "$LOCAL_TAG" ] && dk image inspect --format "$rf_about" "$LOCAL_TAG" 2>/dev/null
}
