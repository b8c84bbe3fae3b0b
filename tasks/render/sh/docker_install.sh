#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# The image on this host, and the versions inside it.
(umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
docker_cli || fail "Docker's engine does not answer" "look at: docker version"
if [ -z "$(dk image inspect --format '{{.Id}}' "$IMAGE" 2>/dev/null)" ]; then
    step "pulling $IMAGE"
    docker_passwords "$IMAGE"
    dk pull "$IMAGE" >"$NODE/install.log" 2>&1 &
    rf_job=$!
    rf_t0=$(date +%s)
    while kill -0 "$rf_job" 2>/dev/null; do
        sleep 2
        step "pulling $IMAGE, $(($(date +%s) - rf_t0)) s, $(grep -c 'Pull complete' "$NODE/install.log") layers"
    done
    if ! wait "$rf_job"; then
        tail -n 5 "$NODE/install.log" | emit_text log
        rf_said=$(tail -n 1 "$NODE/install.log")
        rm -f "$NODE/install.log"
        case $rf_said in
            *"no space"* | *"No space"*) fail "no space for the image $IMAGE" "free some space where Docker keeps its images: docker system df" ;;
            *"not found"* | *"manifest unknown"* | *"does not exist"*) fail "there is no image $IMAGE" "see docker.image in the README for living ones" ;;
            *) fail "cannot pull $IMAGE: $rf_said" "is the registry reachable from this host? registry-mirrors in /etc/docker/daemon.json names a mirror" ;;
        esac
    fi
    rm -f "$NODE/install.log"
    emit changed 1
fi
dk image inspect --format '{{.Id}} {{.Os}}/{{.Architecture}}' "$IMAGE" | emit_text image
rf_id=$(dk image inspect --format '{{.Id}}' "$IMAGE")
# Asking the image takes a container; what it said is kept beside its id.
if [ -r "$NODE/image" ] && grep -q "^$rf_id " "$NODE/image"; then
    rf_said=$(cat "$NODE/image")
else
    step "reading the image's versions"
    rf_said=$(dk run --rm --network none --entrypoint python "$IMAGE" -c \
        'import platform, os, ray; print("RF", ray.__version__, platform.python_version(), f"{os.getuid()}:{os.getgid()}")' 2>"$NODE/install.log" |
        sed -n 's/^RF //p')
    [ -n "$rf_said" ] || {
        tail -n 5 "$NODE/install.log" | emit_text log
        fail "the image $IMAGE cannot run ray" "docker run --rm --entrypoint python $IMAGE -c 'import ray'"
    }
    rm -f "$NODE/install.log"
    rf_said="$rf_id $rf_said"
    write_file "$NODE/image" 600 "$rf_said"
fi
emit image_versions "${rf_said#* }"
