#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
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
# Both are needed: since then somebody may have put a conda of their own there.
conda_is_ours() { [ -e "$1/.rayfab" ] && [ -r "$ROOT/.conda" ] && grep -qxF -e "$1" "$ROOT/.conda"; }
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
# Environments in the prefix $1; none of them is ever ours.
conda_envs() {
    rf_envs=
    for rf_dir in "$1"/envs/*; do [ ! -d "$rf_dir" ] || rf_envs="$rf_envs ${rf_dir##*/}"; done
    [ -n "$rf_envs" ]
}
# Takes a prefix, and what lies below it, out of the list of environments that conda keeps in the user's home.
conda_forget() {
    rf_txt=$HOME/.conda/environments.txt
    [ -f "$rf_txt" ] && grep -qF -e "$1" "$rf_txt" || return 0
    RF_GONE=$1 awk '$0 != ENVIRON["RF_GONE"] && index($0, ENVIRON["RF_GONE"] "/") != 1' "$rf_txt" >"$ROOT/.environments" || return 0
    if [ -s "$ROOT/.environments" ]; then cat "$ROOT/.environments" >"$rf_txt"; else rm -f "$rf_txt"; fi
    rm -f "$ROOT/.environments"
}
# Folders of the user's that are not there yet; the last cluster takes those away that are empty again.
conda_home() {
    for rf_dir in "$HOME/.conda" "$HOME/.conda/envs"; do
        if [ ! -e "$rf_dir" ] && ! grep -qxF -e "$rf_dir" "$ROOT/.made-conda" 2>/dev/null; then
            printf '%s\n' "$rf_dir" >>"$ROOT/.made-conda"
        fi
    done
}
# `conda activate NAME` works with any conda, and none is changed. $1: the name; where it is taken, it stays so.
conda_link() {
    rf_link=$HOME/.conda/envs/$1
    rf_old=
    [ ! -r "$NODE/conda-link" ] || IFS= read -r rf_old <"$NODE/conda-link" || :
    [ "$rf_old" = "$rf_link" ] || conda_unlink
    if [ "$(readlink "$rf_link" 2>/dev/null)" = "$NODE/env" ]; then return 0; fi
    rf_base=
    [ ! -r "$NODE/conda-base" ] || IFS= read -r rf_base <"$NODE/conda-base" || :
    rf_taken=
    for rf_dir in "$rf_base/envs/$1" "$rf_link"; do
        if [ -e "$rf_dir" ] || [ -h "$rf_dir" ]; then rf_taken=$rf_dir; fi
    done
    if [ -z "$rf_taken" ] && [ -r "$HOME/.conda/environments.txt" ]; then
        rf_taken=$(RF_NAME=/$1 awk '{ n = length($0) - length(ENVIRON["RF_NAME"]) + 1 }
            n > 0 && substr($0, n) == ENVIRON["RF_NAME"] { print; exit }' "$HOME/.conda/environments.txt")
    fi
    if [ -n "$rf_taken" ]; then
        emit note "there is another conda environment $1 ($rf_taken); this one is: conda activate $NODE/env"
        return
    fi
    conda_home
    mkdir -p "$HOME/.conda/envs" && ln -s "$NODE/env" "$rf_link" && write_file "$NODE/conda-link" 600 "$rf_link$NL"
}
conda_unlink() {
    [ -r "$NODE/conda-link" ] || return 0
    IFS= read -r rf_old <"$NODE/conda-link" || :
    if [ "$(readlink "$rf_old" 2>/dev/null)" = "$NODE/env" ]; then
        rm -f "$rf_old"
        conda_forget "$rf_old"
    fi
    rm -f "$NODE/conda-link"
}
