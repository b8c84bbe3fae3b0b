#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib about docker
# values: IMAGE
# The image on this host, and the versions in it.
image_begin() {
    (umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
    docker_cli || fail "Docker's engine does not answer" "look at: docker version"
    image_name
}
# $1: how much space is needed, or empty
no_space() {
    fail "no space for the image $IMAGE${1:+: $1}" "free some space where Docker keeps its images: docker system df; docker image prune"
}
# Reading the versions takes a container, so they are kept with the image's id.
image_tell() {
    rf_image=$(image_about '') || fail "the image $IMAGE is not there" "look at: docker image ls"
    printf '%s\n' "$rf_image" | emit_text image
    rf_id=${rf_image%% *}
    if [ -r "$NODE/image" ] && grep -q "^$rf_id " "$NODE/image"; then
        rf_said=$(cat "$NODE/image")
    else
        step "reading the image's versions"
        rf_said=$(dk run --rm --network none --entrypoint python "$rf_id" -c \
            'import platform, os, ray; print("RF", ray.__version__, platform.python_version(), f"{os.getuid()}:{os.getgid()}")' 2>"$NODE/install.log" |
            sed -n 's/^RF //p')
        [ -n "$rf_said" ] || image_broken
        rm -f "$NODE/install.log"
        rf_said="$rf_id $rf_said"
        write_file "$NODE/image" 600 "$rf_said"
    fi
    emit image_versions "${rf_said#* }"
}
image_broken() {
    tail -n 5 "$NODE/install.log" | emit_text log
    rf_said=$(cat "$NODE/install.log")
    rm -f "$NODE/install.log"
    case $rf_said in
        *"exec format error"* | *"does not match the detected host platform"*)
            rf_said=${rf_image#* }
            fail "the image $IMAGE is for ${rf_said%% *}, and this host is $(uname -m)" "docker.image of this host: one for its architecture" ;;
        *"no space left"*) no_space '' ;;
    esac
    fail "the image $IMAGE cannot run ray" "docker run --rm --entrypoint python $IMAGE -c 'import ray'"
}
