#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: docker
# values: IMAGE IMAGE_ARM LOCAL_TAG
# Selects the image's tag for this host's architecture, if it has one for each.
image_name() {
    [ -z "${IMAGE_ARM-}" ] || case $(uname -m) in aarch64 | arm64) IMAGE=$IMAGE_ARM ;; esac
}
# One line about the image $1, or the node's image: id, platform, date, layers, digests
image_about() {
    rf_about='{{.Id}} {{.Os}}/{{.Architecture}} {{.Created}} {{range .RootFS.Layers}}{{.}},{{end}} {{range .RepoDigests}}{{.}},{{end}}'
    for rf_name in "${1:-$IMAGE}" $LOCAL_TAG; do
        # docker prints an empty line for an image that does not exist
        rf_known=$(dk image inspect --format "$rf_about" "$rf_name" 2>/dev/null) && printf '%s\n' "$rf_known" && return 0
        [ -z "$1" ] || return 1
    done
    return 1
}
