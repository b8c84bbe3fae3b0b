#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: DIRECT SETTLED
# What this session sees of proxies, indexes and certificates. A service does not see /etc/environment, so that a
# node's packages could be installed, and those of its jobs could not. Values may hold passwords: they stay here.
SESSION_NAMES='http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY grpc_proxy no_grpc_proxy
PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST PIP_CERT
UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_INSECURE_HOST UV_SYSTEM_CERTS UV_NATIVE_TLS
SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE'
# Calls $1 with the name and the value of each of them that is set, and that the hosts file does not set.
each_session_variable() {
    for rf_name in $SESSION_NAMES; do
        case " $SETTLED " in *" $rf_name "*) continue ;; esac
        eval "rf_value=\${$rf_name-}"
        case $rf_value in
            '' | *"$NL"*) ;;
            *) "$1" "$rf_name" "$rf_value" ;;
        esac
    done
}
# Both cases of no_proxy, since programs read one or the other.
session_no_proxy() {
    rf_value=${no_proxy-}
    [ -z "${NO_PROXY-}" ] || [ "$NO_PROXY" = "$rf_value" ] || rf_value=$rf_value${rf_value:+,}$NO_PROXY
    printf '%s' "$rf_value" | tr -d '\n'
}
session_export() { printf "export %s='%s'\n" "$1" "$(printf '%s' "$2" | sed "s/'/'\\\\''/g")"; }
# The same as shell code, for the node's environment.
session_exports() {
    each_session_variable session_export
    session_export no_proxy "$(session_no_proxy)"
    printf "rayfab_direct='%s'\n" "$DIRECT"
}
# Writes the authorities on standard input and those of mirrors.ca into one file, for programs that know one list only.
# A container's user reads it, too.
join_authorities() {
    # echo, since the last line may have no end
    { cat && echo && cat "$NODE/authorities.pem"; } >"$NODE/ca.pem.new" && chmod 644 "$NODE/ca.pem.new" &&
        mv -f "$NODE/ca.pem.new" "$NODE/ca.pem"
}
