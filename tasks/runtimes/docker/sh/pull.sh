#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib docker docker_passwords image
# values: IMAGE LOCAL_TAG LOGIN PULL_NAME PULL_REPO PULL_VERSION REGISTRY REGISTRY_USER
# Pulls an image: through the engine's API, with progress in bytes, if there is curl or Python; else with docker pull.
rf_log=$NODE/install.log
megabytes() { echo "$(($1 / 1000000))"; }
# rf_socket: the engine's socket, if it can be used. Only the docker command knows the user's registry logins.
pull_socket() {
    rf_socket=
    [ -z "$REGISTRY_USER" ] || return 1
    have curl || have python3 || return 1
    if [ "$rf_dk" != root ] && grep -qsE '"(auth|credsStore|credHelpers|proxies)"' "${DOCKER_CONFIG:-$HOME/.docker}/config.json"; then return 1; fi
    rf_socket=${DOCKER_HOST-}
    [ -n "$rf_socket" ] || rf_socket=$(dk context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null)
    case $rf_socket in unix://*) rf_socket=${rf_socket#unix://} ;; *) return 1 ;; esac
    [ -S "$rf_socket" ] || return 1
}
pull_by_api() {
    rf_path="/images/create?fromImage=$PULL_REPO&tag=$PULL_VERSION"
    if have curl; then
        set -- curl -sSN --unix-socket "$rf_socket" -X POST "http://localhost$rf_path"
    else
        set -- python3 -c '
import socket, sys
engine = socket.socket(socket.AF_UNIX)
engine.connect(sys.argv[1])
engine.sendall(b"POST %s HTTP/1.0\r\nHost: docker\r\nContent-Length: 0\r\n\r\n" % sys.argv[2].encode())
answer = engine.makefile("rb")
while answer.readline().strip():
    pass
for line in answer:
    sys.stdout.buffer.write(line)
    sys.stdout.flush()' "$rf_socket" "$rf_path"
    fi
    if [ "$rf_dk" = root ]; then as_root "$@"; else "$@"; fi
}
# The API's progress, as "120 of 340 MB, 3 of 12 layers"; the total is known once every layer has begun.
pull_by_api_progress() {
    tr '\r' '\n' <"$rf_log" | awk '
        match($0, /"id":"[^"]*"/) { id = substr($0, RSTART + 6, RLENGTH - 7) } RLENGTH < 0 { next }
        /"status":"(Already exists|Pulling fs layer|Waiting|Downloading|Verifying|Download complete|Extracting|Pull complete)/ { seen[id] = 1 }
        /"status":"(Already exists|Verifying|Download complete|Extracting|Pull complete)/ { sized[id] = 1 }
        /"status":"(Already exists|Pull complete)"/ { done[id] = 1 }
        /"status":"Downloading"/ && match($0, /"current":[0-9]+/) { now[id] = substr($0, RSTART + 10, RLENGTH - 10) }
        /"status":"Downloading"/ && match($0, /"total":[0-9]+/) { sized[id] = all[id] = substr($0, RSTART + 8, RLENGTH - 8) }
        /"status":"(Download complete|Extracting|Pull complete)/ { now[id] = all[id] }
        END {
            for (id in seen) { layers++; known += sized[id] != 0; whole += done[id]; got += now[id]; total += all[id] }
            of = known == layers ? sprintf(" of %.0f", total / 1000000) : ""
            printf "%.0f%s MB, %d of %d layers\n", got / 1000000, of, whole, layers
        }'
}
# For docker pull, which prints no bytes into a file: the bytes received by the busiest network interface.
came_in() {
    for rf_file in /sys/class/net/*; do
        case ${rf_file##*/} in lo | docker* | br-* | veth*) ;; *) cat "$rf_file/statistics/rx_bytes" 2>/dev/null ;; esac
    done | sort -n | tail -n 1
}
pull_progress() {
    if [ "$rf_way" = api ]; then
        pull_by_api_progress
        return
    fi
    rf_now=$(came_in)
    printf '%s of %s layers%s\n' "$(grep -cE 'Pull complete|Already exists' "$rf_log")" "$(grep -cE 'Pulling fs layer|Already exists' "$rf_log")" \
        "${rf_now:+, $(megabytes $((rf_now - rf_before))) MB received}"
}
# Logs in with a temporary configuration folder, which is removed however this shell ends; the password is in no argument.
pull_login() {
    rf_config=$NODE/login.$$
    (umask 077 && rm -rf "$rf_config" && mkdir "$rf_config") || fail "cannot make $rf_config"
    trap 'rm -rf "$rf_config" 2>/dev/null || as_root rm -rf "$rf_config"' EXIT
    trap 'exit 1' HUP INT TERM PIPE
    # docker's contexts are in the folder that is not used now
    if [ "$rf_dk" = user ] && [ -z "${DOCKER_HOST-}" ]; then
        DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null)
        if [ -n "$DOCKER_HOST" ]; then export DOCKER_HOST; else unset DOCKER_HOST; fi
    fi
    # not empty, so that docker puts the password into no keychain of this host
    (umask 077 && printf '{"auths":{"https://none.invalid":{}}}' >"$rf_config/config.json")
    step "logging in to $REGISTRY"
    printf '%s\n' "${RF_REGISTRY-}" | dk_in --config "$rf_config" login --username "$REGISTRY_USER" --password-stdin ${LOGIN:+"$LOGIN"} >"$rf_log" 2>&1 ||
        pull_failed "$(grep -v '^WARNING' "$rf_log" | tail -n 1)"
}
pull_once() {
    : >"$rf_log"
    rf_before=$(came_in)
    rf_t0=$(date +%s)
    if [ "$rf_way" = api ]; then
        pull_by_api >"$rf_log" 2>&1 &
    else
        dk ${rf_config:+--config "$rf_config"} pull "$PULL_NAME" >"$rf_log" 2>&1 &
    fi
    rf_job=$!
    while kill -0 "$rf_job" 2>/dev/null; do
        sleep 1
        step "pulling $PULL_NAME, $(pull_progress), $(($(date +%s) - rf_t0)) s$rf_again"
    done
    if ! wait "$rf_job"; then
        rf_said=$(tail -n 1 "$rf_log")
        return 1
    fi
    [ "$rf_way" = api ] || return 0
    # the API answers 200 before it fetches anything; the result is in the last line
    rf_said=$(tail -n 1 "$rf_log" | sed -n 's/^{"message":"\(.*\)"}.*/\1/p; s/^{"errorDetail":{.*"message":"\(.*\)"},"error":.*/\1/p' | sed 's/\\"/"/g')
    [ -z "$rf_said" ]
}
pull() {
    rf_config=''
    rf_again=''
    rf_said=''
    rf_way=cli
    if [ -n "$REGISTRY_USER" ]; then pull_login; else docker_passwords "$PULL_NAME"; fi
    if pull_socket; then rf_way=api; fi
    rf_n=1
    until pull_once; do
        tail -n 5 "$rf_log" | sed 's/^\(.\{300\}\).*/\1/' | emit_text log
        if [ "$rf_way" = api ]; then
            case $rf_said in
                # docker may have a login or a socket that curl does not know
                *nauthorized* | *denied* | *authentication* | *"curl: "* | *"Error: [Errno"*)
                    rf_way=cli
                    continue
                    ;;
            esac
        fi
        case $rf_said in *"imeout"* | *"timed out"* | *EOF* | *reset* | *"broken pipe"* | *" 50"[0-9]* | *"unavailable"*) ;; *) pull_failed "$rf_said" ;; esac
        rf_n=$((rf_n + 1))
        [ "$rf_n" -le 3 ] || pull_failed "$rf_said"
        # Docker keeps complete layers
        rf_again=", try $rf_n of 3"
        sleep 3
    done
    rm -f "$rf_log"
}
# Fails with one line and a hint, from the message $1 of docker or of a registry.
pull_failed() {
    rm -f "$rf_log"
    rf_said=${1#Error response from daemon: }
    case $rf_said in
        *"no space left"* | *"No space left"*) no_space '' ;;
        *"server gave HTTP response to HTTPS client"*)
            fail "$REGISTRY speaks plain HTTP, which Docker refuses" "on each host, in /etc/docker/daemon.json: {\"insecure-registries\": [\"$REGISTRY\"]}, then: systemctl restart docker" ;;
        *x509:*)
            fail "the certificate of $REGISTRY is not trusted: ${rf_said##*x509: }" "on each host, put its CA's certificate into /etc/docker/certs.d/$REGISTRY/ca.crt" ;;
        *toomanyrequests* | *"Too Many Requests"*)
            fail "$REGISTRY allows no more pulls for now: its rate limit is reached" "docker.registry_user and registry_password, docker.registry_mirror, or docker.image_source: seed" ;;
        *"pull access denied"* | *"denied: requested access"*)
            fail "there is no image $PULL_NAME, or it is private" "valid names are in the manual, docs/guides/docker.md; docker.registry_user and registry_password log in" ;;
        *nauthorized* | *"no basic auth"* | *"uthentication required"* | *denied*)
            [ -n "$REGISTRY_USER" ] || fail "$REGISTRY asks for a user and a password" "docker.registry_user and docker.registry_password in the hosts file"
            fail "$REGISTRY rejects the password of $REGISTRY_USER" "docker.registry_user and docker.registry_password in the hosts file" ;;
        *"manifest unknown"* | *"not found"* | *"does not exist"* | *"no matching manifest"*)
            fail "there is no image $PULL_NAME" "valid names are in the manual, docs/guides/docker.md" ;;
        *"no such host"* | *refused* | *imeout* | *"timed out"* | *unreachable* | *"no route"*)
            fail "cannot pull $PULL_NAME: $REGISTRY cannot be reached: $rf_said" "is the network up? docker.registry_mirror names a mirror of Docker Hub" ;;
        *) fail "cannot pull $PULL_NAME: $rf_said" "is the registry reachable from this host? docker.registry_mirror names a mirror of Docker Hub" ;;
    esac
}
# An image from a mirror is renamed to its own name; the mirror's name is removed unless it existed before.
pull_here() {
    rf_was=$(dk image inspect --format '{{.Id}}' "$PULL_NAME" 2>/dev/null)
    pull
    if [ "$PULL_NAME" != "$IMAGE" ]; then
        dk tag "$PULL_NAME" "${LOCAL_TAG:-$IMAGE}" || fail "cannot give the image its name ${LOCAL_TAG:-$IMAGE}" "look at: docker image ls"
        [ -n "$rf_was" ] || dk rmi "$PULL_NAME" >/dev/null 2>&1
    fi
    emit changed 1
}
