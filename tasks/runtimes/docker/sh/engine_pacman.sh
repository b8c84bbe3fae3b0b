#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib engine
# values: NAMES PACKAGES PACMAN_LIST
# Docker Engine with pacman. New package lists without a full upgrade may break a system (a partial upgrade),
# so they are fetched only if there are none.
install_packages() {
    if [ ! -e "$PACMAN_LIST" ]; then
        patient "fetching package lists" as_root env LC_ALL=C pacman -Sy --noconfirm || give_up
    fi
    with_packages patient "installing $NAMES" as_root env LC_ALL=C pacman -S --needed --noconfirm || give_up
}
