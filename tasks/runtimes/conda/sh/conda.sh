#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib outside_conda
# What conda scripts share: running conda, whose a conda is, and the entries in the user's ~/.conda.
# Prints the path $1 of the hosts file; a relative one is in the user's home folder.
own_path() {
    case $1 in
        /*) rf_path=$1 ;;
        *) rf_path=$HOME/$1 ;;
    esac
    while :; do case $rf_path in ?*/) rf_path=${rf_path%/} ;; *) break ;; esac; done
    printf '%s' "$rf_path"
}
# Runs a conda so that it writes neither into its own folder nor into the user's, and reads nobody's settings.
conda_run() {
    (
        # conda takes CI for consent to the terms of service
        unset PYTHONPATH PYTHONHOME VIRTUAL_ENV LD_LIBRARY_PATH CI XDG_CONFIG_HOME XDG_DATA_HOME
        for rf_name in $(env | grep -oE '^(CONDA|MAMBA)[A-Z0-9_]*='); do unset "${rf_name%=}"; done
        PYTHONNOUSERSITE=1
        PYTHONDONTWRITEBYTECODE=1
        HOME=$ROOT/.cache/conda/home
        XDG_CACHE_HOME=$ROOT/.cache/conda/user
        CONDA_PKGS_DIRS=$ROOT/.cache/conda/pkgs
        CONDA_CHANNEL_PRIORITY=flexible
        CONDA_NUMBER_CHANNEL_NOTICES=0
        CONDA_OVERRIDE_CHANNELS_ENABLED=true
        CONDA_SSL_VERIFY=true
        MAMBA_ROOT_PREFIX=$ROOT/.cache/conda/mamba
        MAMBA_NO_BANNER=1
        export PYTHONNOUSERSITE PYTHONDONTWRITEBYTECODE HOME XDG_CACHE_HOME CONDA_PKGS_DIRS CONDA_CHANNEL_PRIORITY \
            CONDA_NUMBER_CHANNEL_NOTICES CONDA_OVERRIDE_CHANNELS_ENABLED CONDA_SSL_VERIFY MAMBA_ROOT_PREFIX \
            MAMBA_NO_BANNER
        for rf_name in REGISTER_ENVS ALWAYS_SOFTLINK ALWAYS_COPY AUTO_UPDATE_CONDA NOTIFY_OUTDATED_CONDA REPORT_ERRORS \
            ANACONDA_ANON_USAGE; do export "CONDA_$rf_name=false"; done
        "$@"
    )
}
briefly() { if have timeout; then timeout 20 "$@"; else "$@"; fi; }
# Conda as a program for its Python, without any file of settings: a broken one of the whole machine stops conda.
rf_conda_bare='
import sys
from conda.base import constants
constants.SEARCH_PATH = ()
from conda.cli import main
sys.argv[0] = "conda"
sys.exit(main())'
# The Python of the conda $1, if it has one of its own.
conda_python() {
    rf_python=${1%/*}/../bin/python
    [ -x "$rf_python" ] && conda_run "$rf_python" -c 'import conda.base.constants' >/dev/null 2>&1
}
version_in() { sed -n "$rf_only" | sed 's/ .*//' | grep '^[0-9][0-9]*\.[0-9.a-z]*$' | head -n 1; }
# $1: kind, $2: program. rf_version: its version; fails if it prints none.
conda_version() {
    rf_version=
    if [ ! -f "$2" ] || [ ! -x "$2" ]; then return 1; fi
    case $1 in
        conda) rf_only='s/^conda //p' ;;
        mamba) rf_only='s/^mamba //; p' ;;
        *) rf_only=p ;;
    esac
    rf_version=$(conda_run briefly "$2" --version 2>&1 </dev/null | version_in)
    if [ -z "$rf_version" ] && [ "$1" = conda ] && conda_python "$2"; then
        rf_version=$(conda_run briefly "$rf_python" -c "$rf_conda_bare" --version 2>&1 </dev/null | version_in)
    fi
    # an older conda does not know the format of today's packages
    case $1$rf_version in conda[0-3].* | conda4.[0-6] | conda4.[0-6].*) rf_version= ;; esac
    [ -n "$rf_version" ]
}
# rf_state of the prefix $1: absent, ours, found (works, not ours), broken (ours), foreign (no working conda).
# Sets rf_version too.
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
