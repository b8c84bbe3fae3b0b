#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib about docker image pieces pieces_room
# values: ADDRESS IMAGE KEEP LIST LOCAL_TAG PACKED_BYTES PORT URL_HOST WANT_ID WHENCE
# Loads the image from its pieces: missing ones are fetched from ADDRESS, and each is checked.
rf_getter=
for rf_tool in curl python3 wget-gnu bash wget; do
    case $rf_tool in
        wget-gnu) have wget && wget --version >/dev/null 2>&1 || continue ;;
        *) have "$rf_tool" || continue ;;
    esac
    rf_getter=$rf_tool
    break
done
# A time limit for tools that would wait forever for a silent seed. (busybox's wget may crash with -T.)
bounded() { if have timeout; then timeout 300 "$@"; else "$@"; fi; }
# Prints the piece $1. The URL's path is a secret while the seed is serving, so it is passed as an argument
# only to tools that cannot read it in another way.
get() {
    rf_url=http://$URL_HOST:$PORT/${RF_SEED-}/$1
    case $rf_getter in
        curl) printf 'url = "%s"\n' "$rf_url" | curl -sSf --noproxy '*' --connect-timeout 5 --speed-limit 1000 --speed-time 20 -K - ;;
        python3) printf '%s' "$rf_url" | python3 -c '
import shutil, sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
shutil.copyfileobj(opener.open(sys.stdin.read(), timeout=20), sys.stdout.buffer)' ;;
        wget-gnu) printf '%s\n' "$rf_url" | wget -q --no-proxy -t 1 -T 20 -O - -i - ;;
        bash) RF_GET="/${RF_SEED-}/$1" bounded bash -c '
exec 3<>"/dev/tcp/$0/$1" && printf "GET %s HTTP/1.0\r\n\r\n" "$RF_GET" >&3
end=$(printf "\r")
while IFS= read -r -t 20 line <&3 && [ "$line" != "$end" ]; do :; done
cat <&3' "$ADDRESS" "$PORT" ;;
        wget) bounded wget -q -O - "$rf_url" ;;
    esac
}
# $1: sum, $2: size
piece_fetch() {
    rf_try=0
    until get "$1" >"$rf_parts/$1" 2>"$rf_parts/said" && piece_whole "$1" "$2"; do
        rf_try=$((rf_try + 1))
        [ "$rf_try" -lt 3 ] || return 1
        nap
    done
}
# Prints all pieces in order; progress goes to descriptor 3.
pieces() {
    rf_done=0
    printf '%s\n' "$LIST" | while read -r rf_sum rf_size; do
        [ -n "$rf_sum" ] || continue
        if ! piece_whole "$rf_sum" "$rf_size"; then
            if [ -z "$ADDRESS" ]; then
                echo "the piece $rf_sum is not whole" >"$rf_parts/failed"
                exit 1
            fi
            if ! piece_fetch "$rf_sum" "$rf_size"; then
                rf_said=$(tail -n 1 "$rf_parts/said" 2>/dev/null)
                rm -f "$rf_parts/$rf_sum"
                echo "${rf_said:-a piece arrived changed, three times}" >"$rf_parts/failed"
                exit 1
            fi
            rf_fetched=$((${rf_fetched:-0} + rf_size))
            echo "$rf_fetched" >"$rf_parts/fetched"
        fi
        cat "$rf_parts/$rf_sum"
        rf_done=$((rf_done + rf_size))
        step "$WHENCE, $((rf_done / 1000000)) of $((PACKED_BYTES / 1000000)) MB" >&3
    done
    step "unpacking $IMAGE" >&3
}
image_begin
(umask 077 && mkdir -p "$rf_parts") || fail "cannot make $rf_parts"
if [ -n "$ADDRESS" ] && [ -z "$rf_getter" ]; then
    emit no_source "has neither curl, wget, python3 nor bash to fetch with"
    finish 0
fi
rf_need=0
for rf_file in "$rf_parts"/*; do
    case $LIST in *"${rf_file##*/} "*) ;; *) rm -f "$rf_file" ;; esac
done
if [ -n "$ADDRESS" ]; then
    for rf_file in "$rf_parts"/*; do [ ! -f "$rf_file" ] || rf_need=$((rf_need - $(wc -c <"$rf_file"))); done
    pieces_room "$((rf_need + PACKED_BYTES))"
fi
exec 3>&1
pieces | dk_in load >"$NODE/install.log" 2>&1 &
rf_job=$!
rf_t0=$(date +%s)
while kill -0 "$rf_job" 2>/dev/null; do
    nap
    rf_now=$(date +%s)
    [ $((rf_now - rf_t0)) -lt 5 ] || { rf_t0=$rf_now && step "loading $IMAGE"; }
done
wait "$rf_job"
rf_code=$?
rf_said=$(tail -n 1 "$NODE/install.log")
if [ -r "$rf_parts/failed" ]; then
    rf_said=$(cat "$rf_parts/failed")
    rm -f "$rf_parts/failed" "$rf_parts/said" "$NODE/install.log"
    [ -n "$ADDRESS" ] || fail "the image did not arrive whole: $rf_said" "is the disk full, or the connection bad? df -h; complete pieces are kept"
    emit no_source "cannot fetch from $ADDRESS port $PORT: $rf_said"
    finish 0
fi
if [ "$rf_code" != 0 ]; then
    tail -n 5 "$NODE/install.log" | emit_text log
    rm -f "$NODE/install.log"
    case $rf_said in *"o space left"*) no_space '' ;; esac
    fail "docker load failed: $rf_said" "docker system df shows its space; journalctl -u docker what it says"
fi
rf_name=$(sed -n 's/^Loaded image\( ID\)\{0,1\}: //p' "$NODE/install.log" | tail -n 1)
rm -f "$NODE/install.log"
# use the expected id if this engine knows it; another kind of image store gives the image another id
if [ -n "$WANT_ID" ] && [ -n "$(image_about "$WANT_ID")" ]; then rf_name=$WANT_ID; fi
dk tag "${rf_name%% *}" "${LOCAL_TAG:-$IMAGE}" || fail "cannot give the image its name ${LOCAL_TAG:-$IMAGE}" "look at: docker image ls"
emit changed 1
[ ! -r "$rf_parts/fetched" ] || emit fetched "$(cat "$rf_parts/fetched")"
image_tell
[ -n "$KEEP" ] || rm -rf "$rf_parts"
