#!/bin/sh
# shellcheck shell=sh
# Prints the system's authorities. Fails where it has no such list.
system_authorities() {
    for rf_file in "${SSL_CERT_FILE-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
        if [ -f "$rf_file" ] && [ -r "$rf_file" ]; then
            cat "$rf_file"
            return
        fi
    done
    return 1
}
