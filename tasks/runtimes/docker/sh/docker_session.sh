#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib docker session
# values: BRIDGE DIRECT IMAGE OWN_NO_PROXY
# What a container gets of this session's environment, as lines for docker's --env-file, which is not in its arguments.
session_line() {
    case $1=$2 in
        # this host's files are not in the container
        SSL_CERT_* | *_CA_BUNDLE=* | PIP_CERT=* | UV_SYSTEM_CERTS=* | UV_NATIVE_TLS=* | *file:*) return ;;
        *_proxy=* | *_PROXY=*)
            # docker puts its own ones into each container
            case $rf_settings in *'"proxies"'*) return ;; esac
            # on a bridge, loopback is the container itself
            case $BRIDGE$2 in 1*//localhost* | 1*//127.* | 1*@localhost* | 1*@127.*) return ;; esac
            ;;
    esac
    printf '%s=%s\n' "$1" "$2"
}
# Prints docker's settings in one line, as the user has them whose docker runs.
docker_settings() {
    # shellcheck disable=SC2016
    rf_cat='cat "${DOCKER_CONFIG:-$HOME/.docker}/config.json"'
    if [ "${rf_dk-}" = root ]; then as_root sh -c "$rf_cat"; else sh -c "$rf_cat"; fi 2>/dev/null | tr -d '\n'
}
container_session() {
    rf_settings=$(docker_settings)
    each_session_variable session_line
}
# The container's no_proxy, for an --env, which replaces docker's own and the image's: so it holds them. An --env-file
# would not replace docker's own.
container_no_proxy() {
    rf_all=$(
        {
            session_no_proxy && echo
            printf '%s\n' "$OWN_NO_PROXY"
            docker_settings | grep -o '"noProxy"[[:space:]]*:[[:space:]]*"[^"]*"' | sed 's/"$//; s/.*"//'
            dk image inspect -f '{{range .Config.Env}}{{println .}}{{end}}' "$IMAGE" 2>/dev/null | sed -n 's/^[Nn][Oo]_[Pp][Rr][Oo][Xx][Yy]=//p'
            printf '%s\n' "$DIRECT"
        } | tr ',' '\n' | awk 'NF && !seen[$1]++ { printf "%s%s", n++ ? "," : "", $1 }'
    )
    case ,$rf_all, in *',*,'*) rf_all='*' ;; esac
    printf '%s' "$rf_all"
}
# Prints the image's own authorities, for a host without any.
image_authorities() {
    dk run --rm --network none --entrypoint sh "$IMAGE" -c \
        'cat /etc/ssl/certs/ca-certificates.crt || python -c "import certifi; print(certifi.contents())"'
}
