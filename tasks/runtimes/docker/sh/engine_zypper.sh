#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# Docker Engine by zypper, which reads old package lists anew by itself.
install_packages() {
    with_packages patient "installing $NAMES" as_root env LC_ALL=C zypper --non-interactive install --no-recommends || give_up
}
