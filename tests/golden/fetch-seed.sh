# rayfab: fetch packages
# shellcheck disable=SC2034
set -u
CLUSTER=lab
UNIT=rayfab-lab
ITEMS='Miniconda3-py39_24.1.2-0-Linux-x86_64.sh 0000000000000000000000000000000000000000000000000000000000000000 130000000 -
uv-0.9.0-py3-none-manylinux_2_17_x86_64.whl 1111111111111111111111111111111111111111111111111111111111111111 20000000 https://m.example/uv
python-3.7.16-h7a1cb2a_0.conda 2222222222222222222222222222222222222222222222222222222222222222 12000000 https://c.example/main/python
ray-2.7.2-cp37-cp37m-manylinux2014_x86_64.whl 3333333333333333333333333333333333333333333333333333333333333333 60000000 https://p.example/r
gpustat-1.0.0.tar.gz 4444444444444444444444444444444444444444444444444444444444444444 90000 https://p.example/g?a=1&b=%20'
BASE=http://10.0.0.1:20001
PROXY=''
NO_PROXY_FOR=''
CA=''
# The answer: marked lines on stdout. Everything else there is chatter and is ignored.
LC_ALL=C
export LC_ALL
HOME=${HOME:-$(cd && pwd)}
PATH=${PATH:-/usr/bin:/bin}:/usr/local/bin:/usr/local/sbin:/usr/sbin:/sbin
export HOME PATH
ROOT=$HOME/.rayfab
NL='
'
one_line() {
    case $1 in *"$NL"*) printf '%s' "$1" | tr '\n' ' ' ;; *) printf '%s' "$1" ;; esac
}
emit() {
    case $2 in
        *"$NL"*) printf '%s kv %s %s\n' "$RF_MARK" "$1" "$(one_line "$2")" ;;
        *) printf '%s kv %s %s\n' "$RF_MARK" "$1" "$2" ;;
    esac
}
# A last line without its end would swallow what is said next.
emit_text() { sed "s/^/$RF_MARK text $1 /" && echo; }
step() { printf '%s step %s\n' "$RF_MARK" "$1"; }
finish() {
    printf '\n%s end %s\n' "$RF_MARK" "$1"
    exit "$1"
}
fail() {
    emit error "$1"
    [ -z "${2-}" ] || emit hint "$2"
    finish 1
}
have() { command -v "$1" >/dev/null 2>&1; }
nap() { sleep 0.2 2>/dev/null || sleep 1; }
# A file appears whole or not at all: mode first, content second, name last.
write_file() {
    rm -f "$1.new" && (umask 077 && : >"$1.new") && chmod "$2" "$1.new" &&
        printf '%s' "$3" >"$1.new" && mv -f "$1.new" "$1" ||
        fail "cannot write $1" "free some space, or make the folder writable for $(id -un)"
}
# Runs a command as root. The password reaches sudo through a pipe from a builtin, never as an argument.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif sudo -k -n true 2>/dev/null; then
        sudo -n "$@"
    elif [ -n "${RF_SUDO-}" ]; then
        printf '%s\n' "$RF_SUDO" | sudo -k -S -p '' "$@"
    else
        return 126
    fi
}
can_root() {
    [ "$(id -u)" = 0 ] && return 0
    have sudo || return 1
    as_root true 2>/dev/null
}
# Sums of files, and room for them.
# $1: file, $2: what to say where nothing on this host can compute one
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
# What a script about conda knows: the store, where conda goes, whose it is, and what it leaves in the user's ~/.conda.
STORE=$ROOT/.store
# A path of the hosts file; what does not begin with a slash lies in the user's home.
own_path() {
    case $1 in
        /*) rf_path=$1 ;;
        *) rf_path=$HOME/$1 ;;
    esac
    while :; do case $rf_path in ?*/) rf_path=${rf_path%/} ;; *) break ;; esac; done
    printf '%s' "$rf_path"
}
# For programs that are fetched with, or that build: through the proxy, if there is one. A seed is a neighbour.
proxy_on() {
    if [ -n "${BASE-}" ]; then
        unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    elif [ -n "$PROXY" ]; then
        http_proxy=$PROXY
        https_proxy=$PROXY
        HTTPS_PROXY=$PROXY
        no_proxy=$NO_PROXY_FOR
        NO_PROXY=$NO_PROXY_FOR
        export http_proxy https_proxy HTTPS_PROXY no_proxy NO_PROXY
    fi
}
# Runs a conda so that it writes neither into its own folder nor into the user's.
conda_run() {
    (
        # CI: conda would take it for a yes to terms
        unset PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_SHLVL LD_LIBRARY_PATH CI
        PYTHONNOUSERSITE=1
        PYTHONDONTWRITEBYTECODE=1
        CONDA_REGISTER_ENVS=false
        CONDA_PKGS_DIRS=$ROOT/.cache/conda/pkgs
        CONDA_ALWAYS_SOFTLINK=false
        CONDA_ALWAYS_COPY=false
        CONDA_AUTO_UPDATE_CONDA=false
        CONDA_NOTIFY_OUTDATED_CONDA=false
        CONDA_NUMBER_CHANNEL_NOTICES=0
        CONDA_REPORT_ERRORS=false
        CONDA_ANACONDA_ANON_USAGE=false
        MAMBA_ROOT_PREFIX=$ROOT/.cache/conda/mamba
        MAMBA_NO_BANNER=1
        XDG_CACHE_HOME=$ROOT/.cache/conda/user
        export PYTHONNOUSERSITE PYTHONDONTWRITEBYTECODE CONDA_REGISTER_ENVS CONDA_PKGS_DIRS CONDA_ALWAYS_SOFTLINK \
            CONDA_ALWAYS_COPY CONDA_AUTO_UPDATE_CONDA CONDA_NOTIFY_OUTDATED_CONDA CONDA_NUMBER_CHANNEL_NOTICES \
            CONDA_REPORT_ERRORS CONDA_ANACONDA_ANON_USAGE MAMBA_ROOT_PREFIX MAMBA_NO_BANNER XDG_CACHE_HOME
        "$@"
    )
}
# Programs of an earlier run may still be at work here. $1: the run's mark, a name and a value in their environment
marked_pids() {
    if [ ! -r /proc/self/environ ]; then
        # macOS shows a process's environment behind its words
        ps -axwwE -o pid=,command= 2>/dev/null | RF_AT=${1#RAYFAB_} awk 'index($0, "RAYFAB_" ENVIRON["RF_AT"]) { print $1 }'
        return
    fi
    for rf_file in $(grep -lsF "$1" /proc/[0-9]*/environ); do
        rf_file=${rf_file%/environ}
        echo "${rf_file#/proc/}"
    done
}
# This run owns what the file $1 stands for until another one of this cluster's takes it over, whose programs it ends.
# $2: the name of its programs' mark
own_begin() {
    rf_own=$1
    rf_token="$$ $(date +%s)"
    write_file "$1" 600 "$rf_token$NL"
    for rf_pid in $(marked_pids "$2=$ROOT/$CLUSTER/"); do kill -KILL "$rf_pid" 2>/dev/null; done
    rf_n=0
    # another cluster's go on to their end
    while [ -n "$(marked_pids "$2=$ROOT/")" ] && [ "$rf_n" -lt 3600 ]; do
        [ $((rf_n % 10)) != 0 ] || step "waiting for another cluster's installation on this host"
        sleep 1
        rf_n=$((rf_n + 1))
    done
}
own() {
    rf_held=
    { IFS= read -r rf_held <"$rf_own"; } 2>/dev/null
    [ "$rf_held" = "$rf_token" ]
}
briefly() { if have timeout; then timeout 20 "$@"; else "$@"; fi; }
# $1: kind, $2: program. rf_version: what it says that it is; fails where it says nothing such.
conda_version() {
    rf_version=
    if [ ! -f "$2" ] || [ ! -x "$2" ]; then return 1; fi
    case $1 in
        conda) rf_only='s/^conda //p' ;;
        mamba) rf_only='s/^mamba //; p' ;;
        *) rf_only=p ;;
    esac
    rf_version=$(conda_run briefly "$2" --version 2>&1 </dev/null | sed -n "$rf_only" | sed 's/ .*//' | grep '^[0-9][0-9]*\.[0-9.a-z]*$' | head -n 1)
    [ -n "$rf_version" ]
}
# rf_state of the prefix $1: absent, ours, found (another one that works), broken (ours), foreign; see also rf_version
conda_state() {
    rf_version=
    if [ -e "$1/.rayfab-installing" ] && [ -r "$ROOT/.conda-installing" ] && grep -qxF -e "$1" "$ROOT/.conda-installing"; then
        rf_state=broken
    elif [ ! -e "$1" ] && [ ! -h "$1" ]; then
        rf_state=absent
    elif [ -d "$1" ] && [ -r "$1" ] && [ -z "$(ls -A "$1")" ]; then
        rf_state=absent
    elif conda_version conda "$1/bin/conda"; then
        if conda_is_ours "$1"; then rf_state=ours; else rf_state=found; fi
    elif conda_is_ours "$1"; then
        rf_state=broken
    else
        rf_state=foreign
    fi
}
main() {
# Packages into the store: several at a time, resumed, checked. What cannot be had is said; who asked decides.
rf_works=$STORE/.fetch/$CLUSTER
rf_work=$rf_works/$$
size_of() { if [ -f "$1" ]; then wc -c <"$1" | tr -d ' '; else echo 0; fi; }
# Which URLs are asked for without a proxy; busybox knows no list of them.
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
# The shell becomes the program, which reads what is to be fetched.
by_curl() { exec curl -sSfgL --connect-timeout 10 --speed-limit 1000 --speed-time 30 ${BASE:+--noproxy '*'} "$@" -K -; }
by_python() {
    RF_DIRECT=$BASE
    export RF_DIRECT
    exec python3 -c "$rf_python" "$STORE"
}
# In a shell of its own, which becomes the program: $1: URL, $2: file, $3: bytes of it that are here. The URL may hold a
# secret, so it is no argument where it need not be.
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
            by_python <<END
$3 ${2##*/} $rf_url
END
            ;;
        wget)
            if direct "$1"; then set -- off "$2"; else set -- on "$2"; fi
            # -T may crash, so a server that falls silent has an hour
            set -- wget -q -Y "$1" -c -O "$2" "$rf_url"
            if have timeout; then exec timeout 3600 "$@"; else exec "$@"; fi
            ;;
    esac
}
# Several at once: a program that starts, and a connection that begins, for each small file is most of its cost.
# Of $1, lines as in the list, none is here yet; what goes wrong ends it, and the rest is for fetch_one, as is what comes
# from a server that has given nothing yet.
get_few() {
    cd "$STORE" || exit 1
    rf_text=
    while read -r rf_file rf_sum rf_size rf_where; do
        url_of "$rf_file" "$rf_where"
        [ -e "$rf_from.alive" ] || continue
        case $rf_getter in
            curl) rf_text="${rf_text}url = \"$rf_url\"${NL}output = \"$rf_file.part\"$NL" ;;
            *) rf_text="${rf_text}0 $rf_file.part $rf_url$NL" ;;
        esac
    done <<END
$1
END
    [ -n "$rf_text" ] || exit 0
    if [ "$rf_getter" = curl ]; then
        by_curl --fail-early <<END
$rf_text
END
    fi
    by_python <<END
${rf_text%"$NL"}
END
}
# It keeps its connections, so that a name is looked up, and a handshake made, once for all of a batch.
rf_python='
import http.client, os, sys, urllib.error, urllib.parse, urllib.request
handlers, tls = [], None
try:
    import ssl
    # made once: it reads all authorities
    tls = ssl.create_default_context()
    handlers.append(urllib.request.HTTPSHandler(context=tls))
except (AttributeError, ImportError):
    pass
if os.environ["RF_DIRECT"]:
    handlers.append(urllib.request.ProxyHandler({}))
opener = urllib.request.build_opener(*handlers)
proxies = {} if os.environ["RF_DIRECT"] else urllib.request.getproxies()
kept = {}
def ask(url, headers):
    parts = urllib.parse.urlsplit(url)
    place = parts.scheme, parts.netloc
    plain = "@" not in parts.netloc and (parts.scheme == "http" or parts.scheme == "https" and tls)
    if plain and (parts.scheme not in proxies or urllib.request.proxy_bypass(parts.netloc)):
        again = place in kept
        if not again:
            more = {"context": tls} if parts.scheme == "https" else {}
            kind = http.client.HTTPSConnection if more else http.client.HTTPConnection
            kept[place] = kind(parts.netloc, timeout=30, **more)
        try:
            kept[place].request("GET", urllib.parse.urlunsplit(("", "") + parts[2:4] + ("",)) or "/", headers=headers)
            answer = kept[place].getresponse()
        except (OSError, http.client.HTTPException):
            kept.pop(place).close()
            if not again:
                raise
            # the server has closed it meanwhile
            return ask(url, headers)
        if answer.status in (200, 206):
            return answer
        kept.pop(place).close()
        if not 300 <= answer.status < 400:
            raise urllib.error.HTTPError(url, answer.status, answer.reason, answer.headers, None)
    return opener.open(urllib.request.Request(url, headers=headers), timeout=30)
try:
    for line in sys.stdin:
        here, name, url = line.split()
        path, here = os.path.join(sys.argv[1], name), int(here)
        answer = ask(url, {"Range": "bytes=%d-" % here} if here else {})
        left = answer.headers.get("Content-Length")
        with open(path, "ab" if answer.status == 206 else "wb") as out:
            for part in iter(lambda: answer.read(1 << 18), b""):
                out.write(part)
                left = left and int(left) - len(part)
        if left:
            sys.exit("the connection broke")
except urllib.error.HTTPError as error:
    sys.exit("HTTP error %d" % error.code)
except Exception as error:
    sys.exit(str(error))'
# rf_url: where file $1 is, whose own URL is $2; rf_from: what is known of that server lies there
url_of() {
    rf_url=$2
    if [ -n "$BASE" ]; then rf_url=$BASE/${RF_SEED-}/$1; fi
    rf_from=${rf_url#*://}
    rf_from=${rf_from%%/*}
    rf_from=$rf_work/from.${rf_from##*@}
}
# $1: file, $2: sum, $3: size, $4: URL. What went wrong is left in $rf_work/$1.
fetch_one() {
    rf_part=$STORE/$1.part
    rf_try=0
    rf_wrong=0
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
            echo "what arrived is not what was expected" >|"$rf_work/$1"
            [ "$rf_wrong" -lt 2 ] || return 1
        fi
        url_of "$1" "$4"
        if [ "$rf_url" = - ] || [ -z "$rf_getter" ]; then
            [ -s "$rf_work/$1" ] || echo "there is nothing to fetch it with or from" >|"$rf_work/$1"
            return 1
        fi
        if [ -e "$rf_from.dead" ]; then
            echo "nothing comes from ${rf_from##*/from.}" >|"$rf_work/$1"
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
            # a whole answer of another size: an error page, or another file
            rm -f "$rf_part"
            rf_wrong=$((rf_wrong + 1))
            : >|"$rf_work/$1.wrong"
            echo "what arrived has $rf_now bytes, not $3" >|"$rf_work/$1"
            [ "$rf_wrong" -lt 2 ] || return 1
        elif [ "$rf_now" -le "$rf_have" ]; then
            case $rf_said in *404* | *403* | *410*) return 1 ;; esac
            # an answer, if not the wanted one; some servers cannot go on in the middle of a file
            case $rf_code,$rf_said in 22,* | 33,* | 8,* | *HTTP*) : >|"$rf_from.alive" ;; esac
            case $rf_code,$rf_said in 33,* | *416*) rm -f "$rf_part" ;; esac
            echo >>"$rf_from.bad"
            # nothing yet, or nothing any more
            if { [ "$rf_try" -ge 2 ] && [ ! -e "$rf_from.alive" ]; } || [ "$(wc -l <"$rf_from.bad")" -ge 24 ]; then
                : >|"$rf_from.dead"
                return 1
            fi
        fi
        sleep "$rf_try"
    done
}
# $1: lines as in the list
fetch_these() {
    while read -r rf_file rf_sum rf_size rf_where; do
        if fetch_one "$rf_file" "$rf_sum" "$rf_size" "$rf_where"; then rm -f "$rf_work/$rf_file" "$rf_work/$rf_file".wrong; fi
    done <<END
$1
END
}
# The small ones that this worker has taken.
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
# Takes one file after the other that no other worker has taken; they tell each other by files that may exist only once.
fetch_worker() {
    rf_get=
    RAYFAB_FETCH=$ROOT/$CLUSTER/
    export RAYFAB_FETCH
    trap 'kill $rf_get 2>/dev/null; exit 1' HUP INT TERM
    set -C
    rf_few=
    rf_count=0
    while read -r rf_file rf_sum rf_size rf_where rf_have; do
        if ! own || ! kill -0 "$$" 2>/dev/null; then break; fi
        [ ! -e "$rf_work/$rf_file.taken" ] || continue
        { true >"$rf_work/$rf_file.taken"; } 2>/dev/null || continue
        case $rf_getter,$rf_have,$BASE$rf_where in
            curl,0,-* | python3,0,-*) ;;
            curl,0,* | python3,0,*)
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
store_bytes() { ls -ln "$STORE" 2>/dev/null | awk '{ n += $5 } END { printf "%.0f", n }'; }
(umask 077 && mkdir -p "$STORE") || fail "cannot make $STORE" "free some space, or make the folder writable for $(id -un)"
[ -n "$(sum_of /dev/null '')" ] || fail "no program here can check a SHA-256" "install one of sha256sum, shasum, openssl or python3"
own_begin "$STORE/.fetching-$CLUSTER" RAYFAB_FETCH
rm -rf "$rf_works"
# The missing ones, the largest first: file, sum, size, URL, bytes of it that are here.
rf_list=$({
    ls -ln "$STORE" | awk '{ print $NF, $5 }'
    printf '%s\n' "$ITEMS"
} | awk 'NF == 2 { here[$1] = $2 } NF == 4 && here[$1] != $3 { print $0, here[$1 ".part"] + 0 }' | sort -k3,3nr)
if [ -z "$rf_list" ]; then
    rm -f "$rf_own"
    emit fetched 0
    finish 0
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
    # a list of authorities takes the place of the system's own: so it has to hold those as well
    rf_ca=$rf_work/.ca.pem
    mkdir -p "$rf_work"
    for rf_file in "${SSL_CERT_FILE-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
        if [ -f "$rf_file" ] && [ -r "$rf_file" ]; then break; fi
        rf_file=
    done
    cat ${rf_file:+"$rf_file"} "$ROOT/.ca.pem" >"$rf_ca" || fail "cannot write $rf_ca"
    CURL_CA_BUNDLE=$rf_ca
    SSL_CERT_FILE=$rf_ca
    export CURL_CA_BUNDLE SSL_CERT_FILE
fi
proxy_on
(umask 077 && mkdir -p "$rf_work" && printf '%s\n' "$rf_list" >"$rf_work/.list") || fail "cannot write $rf_work"
rf_jobs=
# small files that are taken at a time, so that all eight have some
rf_each=$(awk '$3 < 4000000 && $5 == 0 { n++ } END { n = int((n + 7) / 8); print n < 16 ? n : 16 }' <"$rf_work/.list")
rf_now=$(store_bytes)
rf_zero=$((rf_now - rf_old))
trap 'kill $rf_jobs 2>/dev/null; rm -rf "$rf_work"; exit 1' HUP INT PIPE TERM
for rf_n in 1 2 3 4 5 6 7 8; do
    fetch_worker "$rf_n" &
    rf_jobs="$rf_jobs $!"
done
rf_n=0
while :; do
    rf_busy=
    rf_i=0
    for rf_job in $rf_jobs; do
        rf_i=$((rf_i + 1))
        if [ ! -e "$rf_work/.end.$rf_i" ] && kill -0 "$rf_job" 2>/dev/null; then rf_busy=1; fi
    done
    [ -n "$rf_busy" ] || break
    if [ $((rf_n % 5)) = 0 ]; then
        rf_done=$(($(store_bytes) - rf_zero))
        step "fetching packages, $((rf_done / 1000000)) of $((rf_all / 1000000)) MB"
    fi
    nap
    rf_n=$((rf_n + 1))
done
wait
trap - HUP INT PIPE TERM
rf_fetched=0
while read -r rf_file rf_sum rf_size rf_where rf_have; do
    if [ ! -e "$rf_work/$rf_file" ] && [ -f "$STORE/$rf_file" ]; then
        rf_fetched=$((rf_fetched + rf_size - rf_have))
        continue
    fi
    emit missing "$rf_file"
    [ ! -e "$rf_work/$rf_file.wrong" ] || emit wrong "$rf_file"
    printf '%s: ' "$rf_file" >>"$rf_work/.log"
    cat "$rf_work/$rf_file" >>"$rf_work/.log" 2>/dev/null || echo "not fetched" >>"$rf_work/.log"
done <"$rf_work/.list"
[ ! -s "$rf_work/.log" ] || tail -n 25 "$rf_work/.log" | emit_text log
own || fail "another run has taken over"
rm -rf "$rf_works" "$rf_own"
rmdir "$STORE/.fetch" 2>/dev/null || :
emit fetched "$rf_fetched"
finish 0
}
main </dev/null
