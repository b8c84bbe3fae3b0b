#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib engine
# values: NAMES PACKAGES
# Docker Engine with zypper, which refreshes old package lists itself.
install_packages() {
    with_packages patient "installing $NAMES" as_root env LC_ALL=C zypper --non-interactive install --no-recommends || give_up
}
