#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib engine
# values: MANAGER NAMES PACKAGES REPO_FILE REPO_TEXT
# Docker Engine with dnf, or with yum on older systems; both wait for another one's lock themselves.
rpm_install() {
    rf_what=$1
    shift
    patient "installing $rf_what" as_root env LC_ALL=C "$MANAGER" -y install "$@"
}
install_packages() {
    # an existing source is left unchanged
    if [ -n "$REPO_TEXT" ] && { [ ! -e "$REPO_FILE" ] || grep -q '^# rayfab' "$REPO_FILE"; }; then
        rf_wrote=$REPO_FILE
        root_file "$REPO_FILE" "$REPO_TEXT" || fail "cannot write $REPO_FILE"
    fi
    with_packages rpm_install "$NAMES" || give_up
    have docker || rpm_install docker-cli docker-cli || give_up
}
