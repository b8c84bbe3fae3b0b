#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib sync
# values: PACKS SOURCE
# Gets packs from another host. The address holds a secret, so it is never an argument.
(umask 077 && mkdir -p "$SYNC") || fail "cannot make $SYNC"
rf_get() {
    rf_python=$(sync_python)
    if [ -n "$rf_python" ]; then
        printf '%s\n' "$1" | "$rf_python" -c 'import shutil, sys, urllib.request as r
o = r.build_opener(r.ProxyHandler({}))
with o.open(sys.stdin.readline().strip(), timeout=60) as a, open(sys.argv[1], "wb") as f:
    shutil.copyfileobj(a, f, 1 << 20)' "$2" 2>/dev/null
    elif have curl; then
        printf 'url = "%s"\n' "$1" | curl -sf --noproxy '*' --connect-timeout 30 -K - -o "$2"
    elif have wget; then
        printf '%s\n' "$1" | wget -q -Y off -i - -O "$2" 2>/dev/null
    else
        return 1
    fi
}
for rf_pack in $PACKS; do
    [ ! -f "$SYNC/$rf_pack.tgz" ] || continue
    step "copying from another host"
    if ! rf_get "http://$SOURCE/$RF_SEED/$rf_pack.tgz" "$SYNC/$rf_pack.part"; then
        rm -f "$SYNC/$rf_pack.part"
        emit no_source 1
        finish 0
    fi
    rf_sum=$(sync_sums "$SYNC/$rf_pack.part")
    case $rf_sum in
        '' | "$rf_pack"*) mv -f "$SYNC/$rf_pack.part" "$SYNC/$rf_pack.tgz" || fail "cannot write $SYNC/$rf_pack.tgz" ;;
        *)
            rm -f "$SYNC/$rf_pack.part"
            emit no_source 1
            finish 0
            ;;
    esac
done
