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
