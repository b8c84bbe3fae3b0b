#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: INDEX UV_VERSION
# uv on this host: our own of the required version, or another of the same version.
rf_uv=$ROOT/.uv/$UV_VERSION/uv
uv_works() { [ "$("$1" --version 2>/dev/null | cut -d' ' -f2)" = "$UV_VERSION" ]; }
uv_here() {
    if uv_works "$rf_uv"; then return 0; fi
    if have uv && uv_works uv; then
        rf_uv=$(command -v uv)
        return 0
    fi
    return 1
}
uv_begin() {
    # uv leaves its locks in the folder for temporary files
    mkdir -p "$ROOT/.cache/tmp"
    TMPDIR=$ROOT/.cache/tmp
    UV_CACHE_DIR=$ROOT/.cache/uv
    UV_SYSTEM_CERTS=1
    UV_NATIVE_TLS=1
    UV_NO_PROGRESS=1
    UV_PYTHON_INSTALL_DIR=$ROOT/.python
    export TMPDIR UV_CACHE_DIR UV_SYSTEM_CERTS UV_NATIVE_TLS UV_NO_PROGRESS UV_PYTHON_INSTALL_DIR
    unset VIRTUAL_ENV CONDA_PREFIX PYTHONHOME PYTHONPATH
    if [ -n "$INDEX" ]; then
        UV_DEFAULT_INDEX=$INDEX
        export UV_DEFAULT_INDEX
    fi
}
