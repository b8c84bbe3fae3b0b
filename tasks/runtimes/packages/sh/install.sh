#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib envs_made owner store sums uv
# values: ENV_ID INDEX ITEMS LOCK RUNTIME UV_WHEEL
# Installs the packages in the store into an environment.
rf_env=$NODE/envs/$ENV_ID
rf_log=$NODE/install.log
# whether pip installs instead of uv
rf_pip=
# the files that this run has fetched and checked, a line each that begins with the name
rf_list=
# names of the wheels that are installed, each between blanks
rf_batched=' '
# the folder in which something is being installed, if it is not ROOT
rf_where=
# Whether programs may run from the folder $1.
may_run() {
    printf '#!/bin/sh\nexit 0\n' >"$1/.rayfab-run" 2>/dev/null && chmod 700 "$1/.rayfab-run" || return 0
    "$1/.rayfab-run" 2>/dev/null
    rf_code=$?
    rm -f "$1/.rayfab-run"
    [ "$rf_code" = 0 ]
}
# Runs a command and reports progress. $1: what is being done; then the command.
busy() {
    own || fail "another run has taken over"
    rf_text=$1
    shift
    step "$rf_text"
    (
        RAYFAB_INSTALL=$NODE/
        export RAYFAB_INSTALL
        "$@"
    ) &
    rf_job=$!
    rf_t0=$(date +%s)
    rf_n=0
    while kill -0 "$rf_job" 2>/dev/null; do
        nap
        rf_n=$((rf_n + 1))
        [ $((rf_n % 25)) != 0 ] || step "$rf_text, $(($(date +%s) - rf_t0)) s"
    done
    wait "$rf_job"
    set -- $?
    # only the owner may continue, above all with cleaning up
    own || fail "another run has taken over"
    return "$1"
}
store_sums() {
    rf_bad=0
    while read -r rf_kind rf_file rf_sum rf_size rf_where; do
        [ "$(sum_of "$STORE/$rf_file" "$rf_sum")" != "$rf_sum" ] || continue
        rm -f "$STORE/$rf_file"
        rf_bad=$((rf_bad + 1))
    done <<END
$ITEMS
END
}
# Fails with a reason from the log. $1: what failed, $2: the hint if the log gives no better one. Removes the environment.
say_why() {
    tail -n 25 "$rf_log" | emit_text log
    rf_said=$(cat "$rf_log")
    # conda says what is wrong first, and explains it after that
    rf_last=$(grep -E '^ *[A-Za-z_.]+(Error|NotAllowed|NotFound)(\(|: )' "$rf_log" | sed 's/^ *//; q')
    [ -n "$rf_last" ] || rf_last=$(grep -v '^[[:space:]]*$' "$rf_log" | tail -n 1)
    # on a full disk the log itself may be cut off
    rf_full=
    for rf_dir in "$ROOT" "${rf_where:-$ROOT}"; do
        rf_free=$(free_kb "$rf_dir")
        [ "${rf_free:-20000}" -ge 20000 ] || rf_full=": $((rf_free / 1000)) MB are free in $rf_dir"
    done
    rm -rf "$rf_env" "$rf_log" "$ROOT/.cache/conda" "$ROOT/.cache/tmp"
    [ -z "$rf_full" ] || fail "the disk is full$rf_full" "free some space there"
    case $rf_said in
        *"o space left"* | *"ot enough free disk space"* | *"isk quota exceeded"*)
            fail "the disk is full" "free some space below ${rf_where:-$HOME}" ;;
        *"requires GLIBC"* | *"requires glibc"* | *"GLIBC_2."*"not found"*)
            [ -n "$rf_where" ] || fail "this system is too old for it: $rf_last" "the packages were built for a newer glibc"
            fail "this system is too old for it: $rf_last" "conda.installer of this host: an older one, as a URL or a file"
            ;;
    esac
    may_run "$ROOT" || fail "programs cannot run from $ROOT" "its file system is mounted with noexec; mount it without, or runtime: docker"
    may_run "${rf_where:-$ROOT}" || fail "programs cannot run from $rf_where" "its file system is mounted with noexec; conda.prefix: another folder"
    store_sums
    [ "$rf_bad" = 0 ] || fail "$rf_bad of the packages in the store were damaged" "they are removed; run again to download them again"
    fail "$1: $rf_last" "$2"
}
# Takes uv from the store: from its wheel, or a program that was copied there. $1: a Python, which unpacks the wheel
unpack_uv() {
    [ -n "$UV_WHEEL" ] && mkdir -p "${rf_uv%/*}" || return 1
    case $UV_WHEEL in
        *.whl) uv_from_wheel "$1" 2>>"$rf_log" ;;
        *) cp "$STORE/$UV_WHEEL" "$rf_uv.part.$$" && chmod 755 "$rf_uv.part.$$" && mv -f "$rf_uv.part.$$" "$rf_uv" ;;
    esac && uv_works "$rf_uv"
}
uv_from_wheel() {
    "$1" -c '
import os, sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
data = wheel.read([name for name in wheel.namelist() if name.endswith("/scripts/uv")][0])
part = "%s.part.%d" % (sys.argv[2], os.getpid())
with open(part, "wb") as out:
    out.write(data)
os.chmod(part, 0o755)
os.rename(part, sys.argv[2])' "$STORE/$UV_WHEEL" "$rf_uv"
}
pip_install() {
    if [ -n "$rf_pip" ]; then
        PYTHONNOUSERSITE=1 PIP_CONFIG_FILE=/dev/null PIP_INDEX_URL=${INDEX:-https://pypi.org/simple} "$rf_env/bin/python" -m pip \
            --disable-pip-version-check install --quiet --no-warn-script-location --no-deps "$@" 2>>"$rf_log"
    else
        "$rf_uv" pip install --quiet --no-deps --python "$rf_env/bin/python" "$@" 2>>"$rf_log"
    fi
}
# The path $1 as a URL.
url_of_path() {
    printf 'file://%s' "$(printf '%s' "$1" | sed 's/%/%25/g; s/ /%20/g; s/"/%22/g; s/#/%23/g; s/\$/%24/g; s/?/%3F/g; s/\[/%5B/g; s/\\/%5C/g; s/]/%5D/g; s/`/%60/g; s/{/%7B/g; s/}/%7D/g')"
}
# The wheels that are in the store and not yet installed, as lines of ITEMS.
ready_wheels() {
    printf '%s\n' "$ITEMS" | while read -r rf_kind rf_file rf_rest; do
        [ "$rf_kind" = wheel ] && [ -f "$STORE/$rf_file" ] || continue
        case $rf_batched in *" $rf_file "*) ;; *) printf '%s\n' "$rf_kind $rf_file $rf_rest" ;; esac
    done
}
# The sum of each file was compared when it was fetched; compares those that were in the store before. $1: lines of ITEMS
sums_hold() {
    while read -r rf_kind rf_file rf_sum rf_rest; do
        case "$NL$rf_list$NL" in *"$NL$rf_file "*) continue ;; esac
        [ "$(sum_of "$STORE/$rf_file" "$rf_sum")" = "$rf_sum" ] || return 1
    done <<END
$1
END
}
# Installs wheels from the store and nothing else. $1: lines of ITEMS; $2: a name for the folder that holds just these
install_wheels() {
    rf_lines=$(printf '%s\n' "$1" | grep '^wheel ')
    [ -n "$rf_lines" ] || return 0
    sums_hold "$rf_lines" || return 1
    rm -rf "${rf_env:?}/$2"
    mkdir "$rf_env/$2" || return 1
    # links, because the store may have other builds of the same version
    printf '%s\n' "$rf_lines" | while read -r rf_kind rf_file rf_rest; do ln -s "$STORE/$rf_file" "$rf_env/$2/" || exit 1; done || return 1
    printf '%s\n' "$rf_lines" | awk '{ split($2, word, "-"); print word[1] "==" word[2] }' >"$rf_env/$2/list" || return 1
    pip_install --no-index --find-links "$(url_of_path "$rf_env/$2")" -r "$rf_env/$2/list" || return 1
    rm -rf "${rf_env:?}/$2"
}
# Installs all packages, and marks the environment as complete.
install_from_store() {
    write_file "$rf_env/requirements.lock" 600 "$LOCK"
    busy "installing packages" install_wheels "$(ready_wheels)" .wheels || say_why "cannot install the packages" "see the lines above"
    for rf_file in $(printf '%s\n' "$ITEMS" | awk '$1 == "sdist" { print $2 }'); do
        busy "building $rf_file" pip_install "$STORE/$rf_file" || say_why "cannot build $rf_file" "it has no wheel for this host; a package that has one, or a compiler"
    done
    [ -x "$rf_env/bin/ray" ] || fail "the packages do not include ray" "add ray to $RUNTIME.packages"
    own || fail "another run has taken over"
    rm -f "$rf_env/.made"
    env_done
    rm -f "$rf_log" "$rf_own"
    # Removes packages that no environment on this host was made from, except new ones.
    for rf_file in $(find "$STORE" -type f -mtime +1 2>/dev/null | sed 's|.*/||'); do
        case "$NL$ITEMS$NL" in *" $rf_file "*) continue ;; esac
        grep -qsF -e " $rf_file " "$ROOT"/*/envs/*/requirements.lock || rm -f "$STORE/$rf_file"
    done
    emit changed 1
}
