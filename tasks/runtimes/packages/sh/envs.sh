#!/bin/sh
# shellcheck shell=sh
# needs: lib
# Whether the environment $1 is complete: its Python is the same and runs, and of each package that was installed, all
# files are there. A package that its user has removed or replaced is no fault as long as Ray runs.
# rf_changes: those packages, as `- FILE` and `+ FILE` of pip's and conda's own records. Older ones have no list.
env_whole() {
    rf_changes=
    [ -r "$1/.complete" ] && [ -x "$1/bin/ray" ] && rf_said=$("$1/bin/python" -V 2>&1) || return 1
    [ -r "$1/.owners" ] || return 0
    rf_made=
    IFS= read -r rf_made <"$1/.complete" || :
    [ "$rf_said" = "$rf_made" ] || return 1
    rf_changes=$( (cd "$1" && find . ! -type d ! -name '*.pyc') | RF_LIST=$1/.owners awk '
        BEGIN {
            while ((getline line < ENVIRON["RF_LIST"]) > 0) {
                tab = index(line, "\t")
                owner[substr(line, tab + 1)] = substr(line, 1, tab - 1)
            }
        }
        {
            file = substr($0, 3)
            here[file] = 1
            if (!(file in owner) && file ~ /(^|\/)(site-packages\/[^\/]*[.](dist-info\/METADATA|egg-info\/PKG-INFO|egg-info)|conda-meta\/[^\/]*[.]json)$/)
                print "+ " file
        }
        END {
            for (file in owner) {
                who = owner[file]
                if (who == "~" || file in here) continue
                if (who == "." || who in here || who ~ /\/ray-[^\/]*[.]dist-info\//) broken = 1
                else if (file == who) print "- " who
            }
            exit broken
        }') || return 1
    case $rf_changes in
        '- '* | *"$NL- "*) PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1 "$1/bin/ray" --version >/dev/null 2>&1 </dev/null ;;
    esac
}
