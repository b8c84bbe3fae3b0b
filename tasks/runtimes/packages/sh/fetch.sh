#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib authorities owner proxy store sums
# values: BASE CA CLUSTER FETCHER ITEMS NO_PROXY_FOR
# Downloads packages into the store: in parallel, resumed, checked. If a file cannot be downloaded, it is reported as
# missing and the script ends. An installation that follows may name a function in rf_tick, which is called meanwhile.
rf_works=$STORE/.fetch/$CLUSTER
rf_work=$rf_works/$$
size_of() { if [ -f "$1" ]; then wc -c <"$1" | tr -d ' '; else echo 0; fi; }
# Whether the URL $1 needs no proxy; busybox has no such list.
direct() {
    rf_name=${1#*://}
    rf_name=${rf_name%%/*}
    rf_name=${rf_name##*@}
    rf_name=${rf_name%:*}
    while :; do
        case ",$NO_PROXY_FOR," in *",$rf_name,"* | *",.$rf_name,"*) return 0 ;; esac
        case $rf_name in *.*) rf_name=${rf_name#*.} ;; *) return 1 ;; esac
    done
}
# These replace the shell; they read what to download from standard input.
by_curl() { exec curl -sSfgL --connect-timeout 10 --speed-limit 1000 --speed-time 30 ${BASE:+--noproxy '*'} "$@" -K -; }
by_python() {
    RF_DIRECT=$BASE
    export RF_DIRECT
    exec python3 -c "$FETCHER" "$STORE" "$@"
}
# Runs in a subshell, which the downloader replaces. $1: URL, $2: file, $3: bytes of it that exist. The URL may contain a
# secret, so it is passed as an argument only if there is no other way.
get() {
    rf_url=$1
    case $rf_getter in
        curl)
            by_curl -C - -o "$2" <<END
url = "$rf_url"
END
            ;;
        wget-gnu)
            exec wget -nv ${BASE:+--no-proxy} ${rf_ca:+"--ca-certificate=$rf_ca"} -t 1 -T 20 -c -O "$2" -i - <<END
$rf_url
END
            ;;
        python3)
            rf_name=${2##*/}
            by_python <<END
$3 ${rf_name%.part} - 0 $rf_url
END
            ;;
        wget)
            if direct "$1"; then set -- off "$2"; else set -- on "$2"; fi
            # -T may crash, so a silent server is given up after an hour
            set -- wget -q -Y "$1" -c -O "$2" "$rf_url"
            if have timeout; then exec timeout 3600 "$@"; else exec "$@"; fi
            ;;
    esac
}
# Downloads several small files with one curl and one connection. $1: lines of the list, none of them begun.
# It ends at the first error; fetch_one then downloads what is missing, and everything from a server that has not
# answered yet.
get_few() {
    cd "$STORE" || exit 1
    rf_text=
    while read -r rf_file rf_sum rf_size rf_where; do
        url_of "$rf_file" "$rf_where"
        [ -e "$rf_from.alive" ] || continue
        rf_text="${rf_text}url = \"$rf_url\"${NL}output = \"$rf_file.part\"$NL"
    done <<END
$1
END
    [ -n "$rf_text" ] || exit 0
    by_curl --fail-early <<END
$rf_text
END
}
# $1: file, $2: its own URL. rf_url: where to download it. rf_from: prefix of the files that record the server's state
url_of() {
    rf_url=$2
    if [ -n "$BASE" ]; then rf_url=$BASE/${RF_SEED-}/$1; fi
    rf_from=${rf_url#*://}
    rf_from=${rf_from%%/*}
    rf_from=$rf_work/from.${rf_from##*@}
}
# $1: file, $2: sum, $3: size, $4: URL. An error is written to $rf_work/$1.
fetch_one() {
    rf_part=$STORE/$1.part
    rf_try=0
    rf_wrong=0
    [ ! -e "$rf_work/$1.wrong" ] || rf_wrong=1
    while :; do
        rf_have=$(size_of "$rf_part")
        if [ "$rf_have" = "$3" ] && [ "$(sum_of "$rf_part" '')" = "$2" ]; then
            touch "$rf_part" && mv -f "$rf_part" "$STORE/$1"
            return
        fi
        if [ "$rf_have" -ge "$3" ]; then
            rm -f "$rf_part"
            rf_have=0
            rf_wrong=$((rf_wrong + 1))
            : >|"$rf_work/$1.wrong"
            echo "the downloaded file is not the expected one" >|"$rf_work/$1"
            [ "$rf_wrong" -lt 2 ] || return 1
        fi
        url_of "$1" "$4"
        if [ "$rf_url" = - ] || [ -z "$rf_getter" ]; then
            [ -s "$rf_work/$1" ] || echo "there is no program to download it with, or no address" >|"$rf_work/$1"
            return 1
        fi
        if [ -e "$rf_from.dead" ]; then
            echo "no answer from ${rf_from##*/from.}" >|"$rf_work/$1"
            return 1
        fi
        if [ "$rf_try" -ge 3 ] || ! own; then return 1; fi
        rf_try=$((rf_try + 1))
        get "$rf_url" "$rf_part" "$rf_have" >|"$rf_work/$1.said" 2>&1 &
        rf_get=$!
        wait "$rf_get"
        rf_code=$?
        rf_now=$(size_of "$rf_part")
        [ "$rf_now" != 0 ] || rm -f "$rf_part"
        if [ "$rf_now" -gt "$rf_have" ]; then
            : >|"$rf_from.alive"
            rm -f "$rf_from.bad"
            [ $((rf_now - rf_have)) -lt 1000000 ] || rf_try=0
        fi
        [ "$rf_now" != "$3" ] || continue
        rf_said=$(grep -v '^[[:space:]]*$' "$rf_work/$1.said" | tail -n 1)
        [ -z "${RF_SEED-}" ] || case $rf_said in *"$RF_SEED"*) rf_said= ;; esac
        echo "${rf_said:-the download ended with status $rf_code, $rf_now of $3 bytes}" >|"$rf_work/$1"
        if [ "$rf_code" = 0 ]; then
            # a complete answer of another size: an error page, or another file
            rm -f "$rf_part"
            rf_wrong=$((rf_wrong + 1))
            : >|"$rf_work/$1.wrong"
            echo "the downloaded file has $rf_now bytes, not $3" >|"$rf_work/$1"
            [ "$rf_wrong" -lt 2 ] || return 1
        elif [ "$rf_now" -le "$rf_have" ]; then
            case $rf_said in *404* | *403* | *410*) return 1 ;; esac
            # an answer, although not the file; some servers cannot resume in the middle of a file
            case $rf_code,$rf_said in 22,* | 33,* | 8,* | *HTTP*) : >|"$rf_from.alive" ;; esac
            case $rf_code,$rf_said in 33,* | *416*) rm -f "$rf_part" ;; esac
            echo >>"$rf_from.bad"
            # the server has never sent anything, or has stopped sending
            if { [ "$rf_try" -ge 2 ] && [ ! -e "$rf_from.alive" ]; } || [ "$(wc -l <"$rf_from.bad")" -ge 24 ]; then
                : >|"$rf_from.dead"
                return 1
            fi
        fi
        sleep "$rf_try"
    done
}
# $1: lines of the list
fetch_these() {
    while read -r rf_file rf_sum rf_size rf_where; do
        if fetch_one "$rf_file" "$rf_sum" "$rf_size" "$rf_where"; then rm -f "$rf_work/$rf_file" "$rf_work/$rf_file".wrong; fi
    done <<END
$1
END
}
# Downloads the small files that this worker has collected.
fetch_few() {
    [ -n "$rf_few" ] || return 0
    set -- "$rf_work"/from.*.alive
    if [ ! -e "$1" ]; then
        fetch_these "${rf_few%%"$NL"*}"
        case $rf_few in
            *"$NL"*) rf_few=${rf_few#*"$NL"} ;;
            *) rf_few= ;;
        esac
    fi
    case $rf_few in
        *"$NL"*)
            get_few "$rf_few" >/dev/null 2>&1 &
            rf_get=$!
            wait "$rf_get"
            ;;
    esac
    [ -z "$rf_few" ] || fetch_these "$rf_few"
    rf_few=
    rf_count=0
}
# The beginning of a process that waits for programs that download.
fetch_begin() {
    rf_get=
    RAYFAB_FETCH=$NODE/
    export RAYFAB_FETCH
    trap 'kill $rf_get 2>/dev/null; exit 1' HUP INT TERM
}
# Python downloads all of them with one program, since to start it takes longer than a small file, and checks them.
# What it could not fetch is left to the workers.
fetch_together() {
    fetch_begin
    rf_text=$(while read -r rf_file rf_sum rf_size rf_where rf_have; do
        url_of "$rf_file" "$rf_where"
        [ "$rf_url" = - ] || [ "$rf_have" -ge "$rf_size" ] || echo "$rf_have $rf_file $rf_sum $rf_size $rf_url"
    done <"$rf_work/.list")
    by_python "$rf_work" >/dev/null 2>&1 <<END &
$rf_text
END
    rf_get=$!
    wait "$rf_get"
    : >"$rf_work/.end.0"
}
# Downloads files until none is left. Workers share the list by creating a file for each one that they take (noclobber).
fetch_worker() {
    fetch_begin
    set -C
    rf_few=
    rf_count=0
    while read -r rf_file rf_sum rf_size rf_where rf_have; do
        if ! own || ! kill -0 "$$" 2>/dev/null; then break; fi
        [ ! -e "$rf_work/$rf_file.taken" ] || continue
        { true >"$rf_work/$rf_file.taken"; } 2>/dev/null || continue
        case $rf_getter,$rf_have,$BASE$rf_where in
            curl,0,-*) ;;
            curl,0,*)
                if [ "$rf_size" -lt 4000000 ]; then
                    rf_few=$rf_few${rf_few:+$NL}"$rf_file $rf_sum $rf_size $rf_where"
                    rf_count=$((rf_count + 1))
                    [ "$rf_count" -lt "$rf_each" ] || fetch_few
                    continue
                fi
                ;;
        esac
        fetch_these "$rf_file $rf_sum $rf_size $rf_where"
    done <"$rf_work/.list"
    fetch_few
    : >"$rf_work/.end.$1"
}
# Whether a file is left that nobody has taken.
fetch_left() {
    while read -r rf_file rf_sum; do [ -e "$rf_work/$rf_file.taken" ] || return 0; done <"$rf_work/.list"
    return 1
}
store_bytes() { ls -ln "$STORE" 2>/dev/null | awk '{ n += $5 } END { printf "%.0f", n }'; }
# Reports progress until all of rf_jobs have ended. $1: the number of the first
fetch_wait() {
    while :; do
        rf_busy=
        rf_i=$1
        for rf_job in $rf_jobs; do
            if [ ! -e "$rf_work/.end.$rf_i" ] && kill -0 "$rf_job" 2>/dev/null; then rf_busy=1; fi
            rf_i=$((rf_i + 1))
        done
        [ -n "$rf_busy" ] || return 0
        if [ $((rf_n % 5)) = 0 ]; then
            rf_done=$(($(store_bytes) - rf_zero))
            step "fetching packages, $((rf_done / 1000000)) of $((rf_all / 1000000)) MB"
        fi
        $rf_tick
        nap
        rf_n=$((rf_n + 1))
    done
}
fetch_all() {
    (umask 077 && mkdir -p "$STORE") || fail "cannot make $STORE" "free some space, or make the folder writable for $(id -un)"
    [ -n "$(sum_of /dev/null '')" ] || fail "no program here can check a SHA-256" "install one of sha256sum, shasum, openssl or python3"
    own_begin "$STORE/.fetching-$CLUSTER" RAYFAB_FETCH
    rm -rf "$rf_works"
    # The missing files: file, sum, size, URL, bytes that exist. First those that others are installed with, then by size.
    rf_list=$({
        ls -ln "$STORE" | awk '{ print $NF, $5 }'
        printf '%s\n' "$ITEMS"
    } | awk 'NF == 2 { here[$1] = $2 }
        NF == 5 && here[$2] != $4 { print $2, $3, $4, $5, here[$2 ".part"] + 0, $1 !~ /^(wheel|sdist)$/ }' | sort -k6,6nr -k3,3nr | sed 's/ [01]$//')
    if [ -z "$rf_list" ]; then
        rm -f "$rf_own"
        emit fetched 0
        return 0
    fi
    rf_kb=$(printf '%s\n' "$rf_list" | awk '{ n += $3 > $5 ? $3 - $5 : $3 } END { printf "%.0f", n * 1.1 / 1024 }')
    rf_all=$(printf '%s\n' "$rf_list" | awk '{ n += $3 } END { printf "%.0f", n }')
    rf_old=$(printf '%s\n' "$rf_list" | awk '{ n += $5 } END { printf "%.0f", n }')
    rf_free=$(free_kb "$STORE")
    if [ -n "$rf_free" ] && [ "$rf_free" -lt "$rf_kb" ]; then
        rm -f "$rf_own"
        fail "the disk is full: $((rf_kb * 1024 / 1000000 + 1)) MB are needed in $STORE, $((rf_free * 1024 / 1000000)) MB are free" "free some space below $HOME"
    fi
    rf_getter=
    for rf_tool in curl wget-gnu python3 wget; do
        case $rf_tool in
            wget-gnu) have wget && wget --version >/dev/null 2>&1 || continue ;;
            *) have "$rf_tool" || continue ;;
        esac
        rf_getter=$rf_tool
        break
    done
    [ -n "$rf_getter" ] || emit no_tool 1
    rf_ca=
    if [ -n "$CA" ]; then
        # this list of authorities replaces the system's, so it must include that one
        # it stays, because the programs of an installation that follows read it too
        rf_ca=$ROOT/.cache/ca-$CLUSTER.pem
        mkdir -p "$ROOT/.cache"
        {
            system_authorities
            cat "$ROOT/.ca.pem"
        } >"$rf_ca" || fail "cannot write $rf_ca"
        CURL_CA_BUNDLE=$rf_ca
        SSL_CERT_FILE=$rf_ca
        export CURL_CA_BUNDLE SSL_CERT_FILE
    fi
    # a seed is on the same network and needs no proxy
    if [ -n "$BASE" ]; then
        unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    else
        proxy_on
    fi
    (umask 077 && mkdir -p "$rf_work" && printf '%s\n' "$rf_list" >"$rf_work/.list") || fail "cannot write $rf_work"
    rf_jobs=
    # how many small files a worker takes at a time, so that all eight have some
    rf_each=$(awk '$3 < 4000000 && $5 == 0 { n++ } END { n = int((n + 7) / 8); print n < 16 ? n : 16 }' <"$rf_work/.list")
    rf_now=$(store_bytes)
    rf_zero=$((rf_now - rf_old))
    trap 'kill $rf_jobs $rf_side 2>/dev/null; rm -rf "$rf_work"; exit 1' HUP INT PIPE TERM
    rf_n=0
    if [ "$rf_getter" = python3 ]; then
        fetch_together &
        rf_jobs=$!
        fetch_wait 0
    fi
    if fetch_left; then
        rf_jobs=
        for rf_i in 1 2 3 4 5 6 7 8; do
            fetch_worker "$rf_i" &
            rf_jobs="$rf_jobs $!"
        done
        fetch_wait 1
    fi
    # what has begun meanwhile
    while [ -n "$rf_side" ] && kill -0 "$rf_side" 2>/dev/null; do
        [ $((rf_n % 25)) != 0 ] || step "installing packages"
        nap
        rf_n=$((rf_n + 1))
    done
    wait
    trap - HUP INT PIPE TERM
    rf_fetched=0
    rf_missing=
    while read -r rf_file rf_sum rf_size rf_where rf_have; do
        if [ ! -e "$rf_work/$rf_file" ] && [ -f "$STORE/$rf_file" ]; then
            rf_fetched=$((rf_fetched + rf_size - rf_have))
            continue
        fi
        rf_missing=1
        emit missing "$rf_file"
        [ ! -e "$rf_work/$rf_file.wrong" ] || emit wrong "$rf_file"
        printf '%s: ' "$rf_file" >>"$rf_work/.log"
        cat "$rf_work/$rf_file" >>"$rf_work/.log" 2>/dev/null || echo "not fetched" >>"$rf_work/.log"
    done <"$rf_work/.list"
    [ ! -s "$rf_work/.log" ] || tail -n 25 "$rf_work/.log" | emit_text log
    own || fail "another run has taken over" "wait until that run has ended: fab status shows what it did"
    rm -rf "$rf_works" "$rf_own"
    rmdir "$STORE/.fetch" 2>/dev/null || :
    emit fetched "$rf_fetched"
    [ -z "$rf_missing" ]
}
fetch_all || finish 0
