#!/bin/sh
#
# A stand-in for Miniconda's installer; it answers as that does. What follows the last line is an archive.
#
# NAME:  Miniconda3
# VER:   @VERSION@
# PLAT:  linux-64

set -eu
unset LD_LIBRARY_PATH PYTHONHOME PYTHONPATH

if ! echo "$0" | grep '\.sh$' >/dev/null; then
    printf 'Please run using "bash"/"dash"/"sh"/"zsh", but not "." or "source".\n' >&2
    exit 1
fi

number() { echo "$1" | awk -F. '{ printf "%d", $1 * 1000 + $2 }'; }

glibc=${CONDA_OVERRIDE_GLIBC:-$(ldd --version 2>/dev/null | awk 'NR == 1 { print $NF }')}
if [ "$(number "$glibc")" -lt "$(number @GLIBC@)" ]; then
    echo "Installer requires GLIBC >=@GLIBC@, but system has $glibc."
    exit 1
fi

THIS=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
PREFIX=${HOME:-/opt}/miniconda3
BATCH=0
FORCE=0
USAGE="
usage: $0 [options]

Installs Miniconda3 @VERSION@
-b           run install in batch mode (without manual intervention),
             it is expected the license terms (if any) are agreed upon
-f           no error if install prefix already exists
-h           print this help message and exit
-p PREFIX    install prefix, defaults to $PREFIX, must not contain spaces.
-s           skip running pre/post-link/install scripts
-m           disable the creation of menu items / shortcuts
-u           update an existing installation
"
while getopts "bfhkp:smu" x; do
    case "$x" in
        h)
            printf '%s\n' "$USAGE"
            exit 2
            ;;
        b) BATCH=1 ;;
        f | u) FORCE=1 ;;
        p) PREFIX=$OPTARG ;;
        k | s | m) ;;
        *)
            printf "ERROR: did not recognize option '%s', please try -h\n" "$x"
            exit 1
            ;;
    esac
done

if [ "$BATCH" = 0 ]; then
    printf '\nWelcome to the stand-in for Miniconda3 @VERSION@\n\nDo you accept the license terms? [yes|no]\n>>> '
    read -r answer || answer=no
    if [ "$answer" != yes ]; then
        printf "The license agreement wasn't approved, aborting installation.\n"
        exit 2
    fi
fi
case "$PREFIX" in
    *" "*)
        printf 'ERROR: Cannot install into directories with spaces\n' >&2
        exit 1
        ;;
esac
if [ "$FORCE" = 0 ] && [ -e "$PREFIX" ]; then
    printf "ERROR: File or directory already exists: '%s'\n" "$PREFIX" >&2
    printf 'If you want to update an existing installation, use the -u option.\n' >&2
    exit 1
fi
if ! mkdir -p "$PREFIX"; then
    printf "ERROR: Could not create directory: '%s'\n" "$PREFIX" >&2
    exit 1
fi
PREFIX=$(cd "$PREFIX" && pwd)
printf 'PREFIX=%s\n' "$PREFIX"

printf 'Unpacking payload ...\n'
if ! tail -n +@LINES@ "$THIS" | tar -xzf - -C "$PREFIX" --no-same-owner; then
    printf 'ERROR: could not unpack the payload\n' >&2
    exit 1
fi
[ -d "$HOME/.conda" ] || mkdir -p "$HOME/.conda" 2>/dev/null || true

printf '\nInstalling base environment...\n\n'
mkdir -p "$PREFIX/envs" "$PREFIX/pkgs" "$PREFIX/condabin" "$PREFIX/etc/profile.d" "$PREFIX/conda-meta"
: >"$PREFIX/pkgs/urls.txt"
for place in bin condabin; do
    {
        printf '#!%s/bin/python\n' "$PREFIX"
        printf 'from standin_conda.main import end\nend()\n'
    } >"$PREFIX/$place/conda"
    chmod 755 "$PREFIX/$place/conda"
done
# shellcheck disable=SC2016
printf 'eval "$(%s/bin/conda shell.posix hook)"\n' "$PREFIX" >"$PREFIX/etc/profile.d/conda.sh"
# shellcheck disable=SC2016
printf '. %s/etc/profile.d/conda.sh\nconda activate "$@"\n' "$PREFIX" >"$PREFIX/bin/activate"
printf 'Preparing transaction: ...working... done\n'
printf '==> %s <==\n# cmd: install\n# conda version: 24.0.0\n' "$(date '+%Y-%m-%d %H:%M:%S')" \
    >"$PREFIX/conda-meta/history"
if [ -d "$HOME/.conda" ] && ! grep -qxF "$PREFIX" "$HOME/.conda/environments.txt" 2>/dev/null; then
    printf '%s\n' "$PREFIX" >>"$HOME/.conda/environments.txt" || true
fi
if ! "$PREFIX/bin/python" -c 'import standin_conda.main, standin_conda.transaction'; then
    printf 'ERROR: the base environment does not work\n' >&2
    exit 1
fi
printf 'Executing transaction: ...working... done\n'
printf 'installation finished.\n'
exit 0
