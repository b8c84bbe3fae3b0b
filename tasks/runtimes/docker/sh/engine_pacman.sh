#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# Docker Engine by pacman. New lists without an upgrade of all else would be the start of a broken system,
# so they are only fetched where there are none.
install_packages() {
    if [ ! -e "$PACMAN_LIST" ]; then
        patient "fetching package lists" as_root env LC_ALL=C pacman -Sy --noconfirm || give_up
    fi
    with_packages patient "installing $NAMES" as_root env LC_ALL=C pacman -S --needed --noconfirm || give_up
}
