#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib conda
# values: CONDA_PREFIX_WANTED
# Looks for condas on PATH, in the usual folders, and where a shell's start-up file says (it is read, never run).
# $1: kind, $2: program
conda_try() {
    if [ ! -f "$2" ] || [ ! -x "$2" ]; then return 0; fi
    rf_file=$2
    rf_n=0
    while [ -h "$rf_file" ] && [ "$rf_n" -lt 9 ]; do
        rf_n=$((rf_n + 1))
        rf_path=$(readlink "$rf_file")
        case $rf_path in /*) rf_file=$rf_path ;; *) rf_file=${rf_file%/*}/$rf_path ;; esac
    done
    # bin and condabin belong to one conda, and a mamba in the same base is the same installation
    rf_base=$(cd "${rf_file%/*}/.." 2>/dev/null && pwd -P) || return 0
    case $1 in micromamba) rf_base=$rf_base/$1 ;; esac
    case "$NL${rf_known-}$NL" in *"$NL$rf_base$NL"*) return 0 ;; esac
    conda_version "$1" "$2" || return 0
    rf_known=${rf_known-}$NL$rf_base
    emit conda "$1 $rf_version $2"
}
conda_in() {
    conda_try conda "$1/bin/conda"
    conda_try mamba "$1/bin/mamba"
    conda_try micromamba "$1/bin/micromamba"
}
# Paths in start-up files that lead to a conda, found by text alone.
conda_paths() {
    set --
    for rf_file in "$HOME/.bashrc" "$HOME/.bash_profile" "$HOME/.profile" "$HOME/.zshrc" "$HOME/.zprofile" \
        "$HOME/.config/fish/config.fish" "$HOME/.tcshrc" "$HOME/.cshrc" /etc/profile.d/*.sh; do
        if [ -f "$rf_file" ] && [ -r "$rf_file" ]; then set -- "$@" "$rf_file"; fi
    done
    [ $# -gt 0 ] || return 0
    awk '
        /^[ \t]*#/ { next }
        {
            gsub(/[$][{]HOME[}]/, "$HOME")
            n = split($0, words, "[][ \t\r\"\047`:;=(),<>|&{}]+")
            for (i = 1; i <= n; i++) {
                word = words[i]
                if (substr(word, 1, 2) == "~/") word = ENVIRON["HOME"] substr(word, 2)
                if (substr(word, 1, 6) == "$HOME/") word = ENVIRON["HOME"] substr(word, 6)
                if (substr(word, 1, 1) != "/") continue
                sub("/etc/(profile.d/conda.c?sh|fish/conf.d/conda.fish)$", "/bin", word)
                sub("/+$", "", word)
                if (word ~ "/(bin|condabin)/(conda|mamba|micromamba)$") sub("/[a-z]*$", "", word)
                if (word ~ "/micromamba$") print substr(word, 1, length(word) - 11)
                if (word ~ "/(bin|condabin)$") print word
            }
        }' "$@"
}
conda_facts() {
    rf_prefix=$(own_path "$CONDA_PREFIX_WANTED")
    conda_state "$rf_prefix"
    emit conda_prefix "$rf_state"
    case $rf_state in
        ours | found)
            rf_known=$(cd "$rf_prefix" && pwd -P)
            emit conda "conda $rf_version $rf_prefix/bin/conda"
            ;;
        broken) rf_known=$(cd "$rf_prefix" && pwd -P) ;;
    esac
    rf_old=$IFS
    IFS=:
    for rf_dir in $PATH; do
        IFS=$rf_old
        for rf_kind in conda mamba micromamba; do conda_try "$rf_kind" "$rf_dir/$rf_kind"; done
    done
    IFS=$rf_old
    conda_try conda "${CONDA_EXE-}"
    case ${MAMBA_EXE-} in
        */micromamba) conda_try micromamba "$MAMBA_EXE" ;;
        */mamba) conda_try mamba "$MAMBA_EXE" ;;
    esac
    for rf_dir in "$HOME" /opt /usr/local; do
        for rf_kind in miniconda3 anaconda3 miniforge3 mambaforge conda micromamba; do conda_in "$rf_dir/$rf_kind"; done
    done
    conda_try micromamba "$HOME/.local/bin/micromamba"
    for rf_dir in /opt/homebrew /usr/local; do
        for rf_kind in miniconda miniforge anaconda; do conda_in "$rf_dir/Caskroom/$rf_kind/base"; done
    done
    conda_try micromamba /opt/homebrew/bin/micromamba
    while IFS= read -r rf_dir; do
        for rf_kind in conda mamba micromamba; do [ -z "$rf_dir" ] || conda_try "$rf_kind" "$rf_dir/$rf_kind"; done
    done <<END
$(conda_paths)
END
}
conda_facts
