#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib used
# What conda has outside of the node's folder: the name for `conda activate`, and a conda that this project installed.
# Both marks are needed: somebody may have put a conda of their own there since.
conda_is_ours() { [ -e "$1/.rayfab" ] && [ -r "$ROOT/.conda" ] && grep -qxF -e "$1" "$ROOT/.conda"; }
# Whether the prefix $1 has environments, listed in rf_envs; this project never makes any there.
conda_envs() {
    rf_envs=
    for rf_dir in "$1"/envs/*; do [ ! -d "$rf_dir" ] || rf_envs="$rf_envs ${rf_dir##*/}"; done
    [ -n "$rf_envs" ]
}
# Removes the folder $1, and all below it, from conda's list of environments in the user's home.
conda_forget() {
    rf_txt=$HOME/.conda/environments.txt
    [ -f "$rf_txt" ] && grep -qF -e "$1" "$rf_txt" || return 0
    RF_GONE=$1 awk '$0 != ENVIRON["RF_GONE"] && index($0, ENVIRON["RF_GONE"] "/") != 1' "$rf_txt" >"$ROOT/.environments" || return 0
    if [ -s "$ROOT/.environments" ]; then cat "$ROOT/.environments" >"$rf_txt"; else rm -f "$rf_txt"; fi
    rm -f "$ROOT/.environments"
}
# Records what of the user's does not exist yet; the last `destroy` removes what is empty of it.
conda_home() {
    for rf_dir in "$HOME/.conda" "$HOME/.conda/envs" "$HOME/.conda/environments.txt"; do
        if [ ! -e "$rf_dir" ] && ! grep -qxF -e "$rf_dir" "$ROOT/.made-conda" 2>/dev/null; then
            printf '%s\n' "$rf_dir" >>"$ROOT/.made-conda"
        fi
    done
}
# Makes `conda activate NAME` work with any conda, without changing one. $1: the name; a name in use is left alone.
conda_link() {
    rf_link=$HOME/.conda/envs/$1
    rf_old=
    [ ! -r "$NODE/conda-link" ] || IFS= read -r rf_old <"$NODE/conda-link" || :
    [ "$rf_old" = "$rf_link" ] || conda_unlink
    # another host of this home may have made it
    case $(readlink "$rf_link" 2>/dev/null) in "$SHARED/env" | "$SHARED"/hosts/*/env) return 0 ;; esac
    rf_base=
    [ ! -r "$SHARED/conda-base" ] || IFS= read -r rf_base <"$SHARED/conda-base" || :
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
    rm -f "$NODE/conda-link"
    case $(readlink "$rf_old" 2>/dev/null) in "$NODE/env" | "$SHARED/hosts/$HOST_ID/env") ;; *) return 0 ;; esac
    rm -f "$rf_old"
    conda_forget "$rf_old"
    # another host of this home keeps the name
    for rf_dir in "$SHARED"/hosts/*/env; do
        if [ -e "$rf_dir" ] && [ "$rf_dir" != "$SHARED/hosts/$HOST_ID/env" ]; then
            ln -s "$rf_dir" "$rf_old" && write_file "${rf_dir%/env}/conda-link" 600 "$rf_old$NL"
            return
        fi
    done
}
# $1: a conda that this project installed, $2: whether another cluster is on this host, $3: whether it is to be removed.
# It stays while it has other environments.
conda_purge() {
    rf_why=
    if [ -h "$1" ] || ! conda_is_ours "$1"; then return 0; fi
    if [ -z "$3" ]; then
        emit kept "conda stays in $1"
    elif [ -n "$2" ]; then
        emit kept "conda stays in $1 (another cluster is on this host)"
    elif conda_envs "$1"; then
        emit kept "conda stays in $1 (it holds environments:$rf_envs)"
    else
        step "removing conda"
        rm -rf "$1" || fail "cannot remove $1"
        conda_forget "$1"
        rf_changed=1
        return
    fi
    rf_condas=$rf_condas$1$NL
}
# When the node starts, and has a conda environment: its name is in rf_env_name.
conda_entered() { if [ -n "${rf_env_name-}" ]; then conda_link "$rf_env_name"; else conda_unlink; fi; }
# When the node is removed.
conda_left() {
    conda_unlink
    others_here || conda_forget "$SHARED"
    # environments that Ray made for jobs, in its session's folder
    [ ! -r "$NODE/sessions" ] || while IFS= read -r rf_dir; do [ -z "$rf_dir" ] || conda_forget "$rf_dir"; done <"$NODE/sessions"
}
# What clusters share. $1: whether another cluster is on this host, $2: whether a conda is to be removed.
# rf_keep: what stays in $ROOT. The list of condas does, so that one that stays is still known to be this project's.
conda_shared() {
    rf_condas=
    if [ -r "$ROOT/.conda" ]; then
        while IFS= read -r rf_prefix; do [ -z "$rf_prefix" ] || conda_purge "$rf_prefix" "$1" "$2"; done <"$ROOT/.conda"
        if [ -n "$rf_condas" ]; then write_file "$ROOT/.conda" 600 "$rf_condas"; else rm -f "$ROOT/.conda"; fi
    fi
    [ -z "$1" ] || return 0
    rf_txt=$HOME/.conda/environments.txt
    if [ -f "$rf_txt" ] && [ ! -s "$rf_txt" ] && grep -qsxF -e "$rf_txt" "$ROOT/.made-conda"; then rm -f "$rf_txt"; fi
    [ ! -r "$ROOT/.made-conda" ] || for rf_dir in "$HOME/.conda/envs" "$HOME/.conda"; do
        ! grep -qxF -e "$rf_dir" "$ROOT/.made-conda" || rmdir "$rf_dir" 2>/dev/null || :
    done
    rf_keep=$rf_keep$ROOT/.conda$NL
}
