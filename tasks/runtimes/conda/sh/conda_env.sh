#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib batch conda install uv
# values: ACCEPT_TERMS CONDA CONDA_KIND INSTALLER ITEMS LOCK PREFIX PYTHON_VERSION
# Installs conda if needed and makes an environment from conda's packages in the store.
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
# Runs conda with the settings that this needs. $1: the program, then its arguments
conda_create() {
    # the name of the setting changed; conda fails if both are set
    case $CONDA_KIND$rf_version in conda[1-9].* | conda1[0-9].* | conda2[0-3].*) rf_named=CONDA_WHITELIST_CHANNELS ;; *) rf_named=CONDA_ALLOWLIST_CHANNELS ;; esac
    rf_platform=$(printf '%s\n' "$LOCK" | sed -n 's/^platform //p')
    conda_run env "CONDA_SUBDIR=$rf_platform" "$rf_named=$rf_url" "CONDA_PLUGINS_AUTO_ACCEPT_TOS=$ACCEPT_TERMS" "$@" >"$rf_log" 2>&1 </dev/null
}
create_environment() {
    conda_create "$rf_conda" "$@" && return
    rf_code=$?
    grep -qiE 'condarc|configuration' "$rf_log" && conda_python "$rf_conda" || return "$rf_code"
    rm -rf "$rf_env"
    conda_create "$rf_python" -c "$rf_conda_bare" "$@"
}
# An environment with conda's packages.
conda_env() {
    mkdir -p "$ROOT/.cache/conda/pkgs" "$ROOT/.cache/conda/home"
    rf_url=$(url_of_path "$STORE")
    write_file "$NODE/explicit.txt" 600 "@EXPLICIT$NL$(printf '%s\n' "$ITEMS" | RF_URL=$rf_url awk '$1 == "conda" { print ENVIRON["RF_URL"] "/" $2 }')$NL"
    set -- create -y -q --offline -p "$rf_env" --file "$NODE/explicit.txt"
    case $CONDA_KIND in
        micromamba) set -- "$@" --no-rc ;;
        *) set -- "$@" --override-channels -c "$rf_url" --no-default-packages ;;
    esac
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
    : >"$rf_env/.made"
}
conda_make() {
    find_conda
    [ -e "$rf_env/.made" ] || conda_env
    uv_begin
    uv_here || unpack_uv "$rf_env/bin/python" || rf_pip=1
    if [ -n "$rf_pip" ] && ! "$rf_env/bin/python" -m pip --version >/dev/null 2>>"$rf_log"; then
        say_why "neither uv nor pip can install the packages" "can programs run from $ROOT?"
    fi
    rf_dir=${rf_conda%/*}
    write_file "$NODE/conda-base" 600 "${rf_dir%/*}$NL"
}
rf_make=conda_make
