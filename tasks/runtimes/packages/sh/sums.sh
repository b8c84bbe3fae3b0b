#!/bin/sh
# shellcheck shell=sh
# needs: lib
# SHA-256 sums of files, and free disk space.
# $1: file, $2: what to print if no program on this host computes sums
sum_of() {
    if have sha256sum; then
        sha256sum <"$1"
    elif have shasum; then
        shasum -a 256 <"$1"
    elif have openssl; then
        openssl dgst -sha256 -r <"$1"
    elif have python3; then
        python3 -c 'import hashlib, sys
found = hashlib.sha256()
for part in iter(lambda: sys.stdin.buffer.read(1 << 20), b""):
    found.update(part)
print(found.hexdigest())' <"$1"
    else
        echo "$2"
    fi | cut -d' ' -f1
}
free_kb() { df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $4 }'; }
