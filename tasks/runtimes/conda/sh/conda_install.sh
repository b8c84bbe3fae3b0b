#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib conda envs envs_made owner proxy store sums uv
# values: ACCEPT_TERMS CONDA CONDA_KIND ENV_ID INDEX INSTALLER ITEMS LOCK PREFIX PYTHON_VERSION UV_WHEEL
# Installs conda if needed and makes an environment from the locked packages in the store; nothing is downloaded.
rf_env=$NODE/envs/$ENV_ID
rf_log=$NODE/install.log
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
    while read -r rf_kind rf_file rf_sum rf_size; do
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
            [ -n "${rf_where-}" ] || fail "this system is too old for it: $rf_last" "the packages were built for a newer glibc"
            fail "this system is too old for it: $rf_last" "conda.installer of this host: an older one, as a URL or a file"
            ;;
    esac
    may_run "$ROOT" || fail "programs cannot run from $ROOT" "its file system is mounted with noexec; mount it without, or runtime: docker"
    may_run "${rf_where:-$ROOT}" || fail "programs cannot run from $rf_where" "its file system is mounted with noexec; conda.prefix: another folder"
    store_sums
    [ "$rf_bad" = 0 ] || fail "$rf_bad of the packages in the store were damaged" "they are removed; run again to download them again"
    fail "$1: $rf_last" "$2"
}
run_installer() {
    # programs may be forbidden in /tmp (noexec) and allowed here
    TMPDIR=$ROOT/.cache/tmp
    export TMPDIR
    # -u: into an existing folder, which contains our mark
    conda_run sh "$STORE/$INSTALLER" -b -u -p "$rf_prefix" >"$rf_log" 2>&1 </dev/null
}
install_conda() {
    case $rf_prefix in *[[:space:]]*) fail "conda cannot be installed in a folder whose path has spaces: $rf_prefix" "conda.prefix: another folder" ;; esac
    # older installers pass it to eval
    case $rf_prefix in [!/]* | *[]\"\'\`\$\;\&\|\<\>\(\)*?[{}!\\#]*) fail "conda cannot be installed into $rf_prefix" "conda.prefix: an absolute path without characters that are special to a shell" ;; esac
    [ -n "$INSTALLER" ] || fail "there is no conda on this host, and no installer" "conda.installer"
    rf_where=${rf_prefix%/*}
    mkdir -p "${rf_where:=/}" 2>/dev/null && [ -w "$rf_where" ] || fail "cannot write into $rf_where" "conda.prefix: a folder that $(id -un) may write into"
    [ ! -d "$rf_prefix" ] || rmdir "$rf_prefix" || fail "cannot remove $rf_prefix" "conda.prefix: another folder"
    rm -rf "$ROOT/.cache/tmp"
    mkdir -p "$ROOT/.cache/tmp" "$ROOT/.cache/conda/home"
    write_file "$ROOT/.conda-installing" 600 "$rf_prefix$NL"
    # with this mark, only a folder that we made is ever removed
    mkdir "$rf_prefix" && : >"$rf_prefix/.rayfab-installing" || fail "cannot write into $rf_where" "conda.prefix: another folder"
    busy "installing conda" run_installer
    rf_code=$?
    rf_gone=
    if [ "$rf_code" != 0 ]; then
        rf_gone="the installer failed"
    elif ! conda_version conda "$rf_prefix/bin/conda"; then
        rf_gone="the conda that was installed does not run"
        "$rf_prefix/bin/conda" --version >>"$rf_log" 2>&1
    fi
    if [ -n "$rf_gone" ]; then
        # the prefix was new, unless the installer says that it exists
        if grep -q "already exists" "$rf_log"; then rm -f "$rf_prefix/.rayfab-installing"; else rm -rf "$rf_prefix"; fi
        rm -f "$ROOT/.conda-installing"
        say_why "$rf_gone" "the lines above are the installer's own"
    fi
    : >"$rf_prefix/.rayfab" && { conda_is_ours "$rf_prefix" || printf '%s\n' "$rf_prefix" >>"$ROOT/.conda"; } || fail "cannot write into $rf_prefix"
    rm -rf "$ROOT/.conda-installing" "$rf_prefix/.rayfab-installing" "$ROOT/.cache/tmp"
    rf_where=
    emit conda_installed "$rf_prefix"
}
# rf_conda: a conda that works, from CONDA or in PREFIX; installs one if there is none
find_conda() {
    rf_conda=$CONDA
    if [ -n "$rf_conda" ]; then
        conda_version "$CONDA_KIND" "$rf_conda" || fail "$rf_conda does not work" "look at: $rf_conda --version"
        return
    fi
    rf_prefix=$(own_path "$PREFIX")
    rf_conda=$rf_prefix/bin/conda
    conda_state "$rf_prefix"
    case $rf_state in
        ours | found) return ;;
        foreign) fail "$rf_prefix exists but contains no working conda" "conda.prefix: another folder; or remove this one" ;;
        broken)
            ! conda_envs "$rf_prefix" || fail "the conda in $rf_prefix is broken and contains environments:$rf_envs" "repair or remove it by hand"
            step "removing a conda that does not work"
            rm -rf "$rf_prefix" || fail "cannot remove $rf_prefix"
            ;;
    esac
    install_conda
}
# Unpacks uv from its wheel in the store with the environment's Python.
unpack_uv() {
    [ -n "$UV_WHEEL" ] && mkdir -p "${rf_uv%/*}" && "$rf_env/bin/python" -c '
import os, sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
data = wheel.read([name for name in wheel.namelist() if name.endswith("/scripts/uv")][0])
with open(sys.argv[2] + ".part", "wb") as out:
    out.write(data)
os.chmod(sys.argv[2] + ".part", 0o755)
os.rename(sys.argv[2] + ".part", sys.argv[2])' "$STORE/$UV_WHEEL" "$rf_uv" 2>>"$rf_log" && uv_works "$rf_uv"
}
pip_install() {
    if [ -n "$rf_pip" ]; then
        PYTHONNOUSERSITE=1 PIP_CONFIG_FILE=/dev/null PIP_INDEX_URL=${INDEX:-https://pypi.org/simple} "$rf_env/bin/python" -m pip \
            --disable-pip-version-check install --quiet --no-warn-script-location --no-deps "$@" 2>>"$rf_log"
    else
        "$rf_uv" pip install --quiet --no-deps --python "$rf_env/bin/python" "$@" 2>>"$rf_log"
    fi
}
(umask 077 && mkdir -p "$NODE/envs") || fail "cannot make $NODE/envs" "free some space, or make the folder writable for $(id -un)"
if env_whole "$rf_env"; then
    emit changed 0
    finish 0
fi
rf_lacking=$({
    ls -ln "$STORE" 2>/dev/null | awk '{ print $NF, $5 }'
    printf '%s\n' "$ITEMS"
} | awk 'NF == 2 { here[$1] = $2 } NF == 4 && here[$2] != $4 { print $2 }')
if [ -n "$rf_lacking" ]; then
    for rf_file in $rf_lacking; do emit missing "$rf_file"; done
    fail "packages are missing in $STORE" "run again to fetch them"
fi
: >"$rf_log" || fail "cannot write $rf_log" "free some space below $HOME"
own_begin "$NODE/installing" RAYFAB_INSTALL
find_conda
env_begin "$rf_env"
mkdir -p "$ROOT/.cache/conda/pkgs" "$ROOT/.cache/conda/home"
rf_url=file://$(printf '%s' "$STORE" | sed 's/%/%25/g; s/ /%20/g; s/"/%22/g; s/#/%23/g; s/\$/%24/g; s/?/%3F/g; s/\[/%5B/g; s/\\/%5C/g; s/]/%5D/g; s/`/%60/g; s/{/%7B/g; s/}/%7D/g')
write_file "$NODE/explicit.txt" 600 "@EXPLICIT$NL$(printf '%s\n' "$ITEMS" | RF_URL=$rf_url awk '$1 == "conda" { print ENVIRON["RF_URL"] "/" $2 }')$NL"
set -- create -y -q --offline -p "$rf_env" --file "$NODE/explicit.txt"
case $CONDA_KIND in
    micromamba) set -- "$@" --no-rc ;;
    *) set -- "$@" --override-channels -c "$rf_url" --no-default-packages ;;
esac
# Runs conda with the settings that this needs. $1: the program, then its arguments
conda_create() {
    # the name of the setting changed; conda fails if both are set
    case $CONDA_KIND$rf_version in conda[1-9].* | conda1[0-9].* | conda2[0-3].*) rf_list=CONDA_WHITELIST_CHANNELS ;; *) rf_list=CONDA_ALLOWLIST_CHANNELS ;; esac
    rf_platform=$(printf '%s\n' "$LOCK" | sed -n 's/^platform //p')
    conda_run env "CONDA_SUBDIR=$rf_platform" "$rf_list=$rf_url" "CONDA_PLUGINS_AUTO_ACCEPT_TOS=$ACCEPT_TERMS" "$@" >"$rf_log" 2>&1 </dev/null
}
create_environment() {
    conda_create "$rf_conda" "$@" && return
    rf_code=$?
    grep -qiE 'condarc|configuration' "$rf_log" && conda_python "$rf_conda" || return "$rf_code"
    rm -rf "$rf_env"
    conda_create "$rf_python" -c "$rf_conda_bare" "$@"
}
busy "making the environment" create_environment "$@" || {
    rm -f "$NODE/explicit.txt"
    say_why "conda cannot make the environment" "look at the lines above; $rf_conda is what was used"
}
# copies of what is in the store
rm -f "$NODE/explicit.txt" "$ROOT"/.cache/conda/pkgs/*.conda "$ROOT"/.cache/conda/pkgs/*.tar.bz2
rf_said=$("$rf_env/bin/python" -V 2>&1)
[ "$rf_said" = "Python $PYTHON_VERSION" ] || {
    printf '%s\n' "$rf_said" >>"$rf_log"
    say_why "the environment does not have Python $PYTHON_VERSION" "run again"
}
: >"$rf_log"
uv_begin
proxy_on
rf_pip=
uv_here || unpack_uv || rf_pip=1
if [ -n "$rf_pip" ] && ! "$rf_env/bin/python" -m pip --version >/dev/null 2>>"$rf_log"; then
    say_why "neither uv nor pip can install the packages" "can programs run from $ROOT?"
fi
write_file "$rf_env/requirements.lock" 600 "$LOCK"
# pip gets package and version; the sum selects exactly this file
printf '%s\n' "$ITEMS" | awk '$1 == "wheel" { split($2, word, "-"); print word[1] "==" word[2] " --hash=sha256:" $3 }' >"$rf_env/.wheels"
[ ! -s "$rf_env/.wheels" ] || busy "installing packages" pip_install --no-index --find-links "$rf_url" --require-hashes -r "$rf_env/.wheels" ||
    say_why "cannot install the packages" "see the lines above"
for rf_file in $(printf '%s\n' "$ITEMS" | awk '$1 == "sdist" { print $2 }'); do
    busy "building $rf_file" pip_install "$STORE/$rf_file" || say_why "cannot build $rf_file" "it has no wheel for this host; a package that has one, or a compiler"
done
rm -f "$rf_env/.wheels"
[ -x "$rf_env/bin/ray" ] || fail "the packages do not include ray" "add ray to conda.packages"
rf_dir=${rf_conda%/*}
write_file "$NODE/conda-base" 600 "${rf_dir%/*}$NL"
own || fail "another run has taken over"
env_done
rm -f "$rf_log" "$rf_own"
# Removes packages that no environment on this host was made from, except new ones.
for rf_file in $(find "$STORE" -type f -mtime +1 2>/dev/null | sed 's|.*/||'); do
    case "$NL$ITEMS$NL" in *" $rf_file "*) continue ;; esac
    grep -qsF -e " $rf_file " "$ROOT"/*/envs/*/requirements.lock || rm -f "$STORE/$rf_file"
done
emit changed 1
