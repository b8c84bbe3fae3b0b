#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib engine
# values: APT_HELPER FETCH_HINT LOCK_SECONDS MIRROR MIRROR_FOLDER MIRROR_KEYRING MIRROR_PARTS MIRROR_SUITE MIRROR_SUITES NAMES PACKAGES REPO_URL SOURCE SUITE
# Docker Engine with apt. A mirror is used with a temporary source list, so the host's own sources stay unchanged.
rf_lists=
rf_temp=
apt_get() {
    if [ -n "$rf_lists" ]; then
        set -- -o "Dir::Etc::SourceList=$rf_lists/sources.list" -o Dir::Etc::SourceParts=- \
            -o "Dir::State::Lists=$rf_lists/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
    fi
    as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -q -o "DPkg::Lock::Timeout=$LOCK_SECONDS" \
        -o Acquire::Retries=2 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}
# apt's own downloader: not every host has curl or gpg
apt_fetch() { as_root env LC_ALL=C "$APT_HELPER" -o APT::Sandbox::User=root download-file "$1" "$2"; }
# A minimal system may have no certificate authorities; its own sources are plain HTTP then.
need_authorities() {
    case $1 in https:*) ;; *) return 0 ;; esac
    [ ! -e /etc/ssl/certs/ca-certificates.crt ] || return 0
    patient "reading package lists" apt_get update || :
    patient "installing ca-certificates" apt_get install -y --no-remove --no-install-recommends ca-certificates || give_up
}
mirror_sources() {
    need_authorities "$MIRROR"
    rf_temp=$(as_root mktemp -d /tmp/rayfab-apt.XXXXXX) || fail "cannot make a folder in /tmp as root" "is it full or read-only? df -h /tmp; mount"
    rf_wrote="$rf_wrote $rf_temp"
    rf_lists=$rf_temp
    rf_text=
    rf_opt=
    [ ! -r "$MIRROR_KEYRING" ] || rf_opt="[signed-by=$MIRROR_KEYRING] "
    # shellcheck disable=SC2016
    as_root sh -c 'mkdir -p "$1/lists/partial" && chmod 755 "$1"' sh "$rf_lists"
    # a mirror of one archive, or of several in folders
    for rf_url in "$MIRROR" "$MIRROR/$MIRROR_FOLDER" ''; do
        [ -n "$rf_url" ] || give_up
        patient "checking the mirror" apt_fetch "$rf_url/dists/$MIRROR_SUITE/Release" "$rf_temp/Release" && break
    done
    for rf_suite in $MIRROR_SUITES; do rf_text="${rf_text}deb $rf_opt$rf_url $rf_suite $MIRROR_PARTS$NL"; done
    root_file "$rf_lists/sources.list" "$rf_text"
}
docker_source_is_known() {
    apt-cache policy docker-ce 2>/dev/null | grep -q 'Candidate: [0-9]' && return 0
    for rf_file in /etc/apt/sources.list.d/docker*; do
        [ ! -e "$rf_file" ] || grep -q '^# rayfab' "$rf_file" || return 0
    done
    return 1
}
# Docker's repository stays on the host, for later updates.
docker_source() {
    rf_key=/etc/apt/keyrings/docker.asc
    rf_list=/etc/apt/sources.list.d/docker.list
    # an existing source is left unchanged
    if docker_source_is_known; then
        rf_lists=
        return
    fi
    need_authorities "$REPO_URL"
    as_root mkdir -p /etc/apt/keyrings
    as_root rm -f "$rf_key"
    rf_wrote="$rf_wrote $rf_key $rf_list"
    patient "fetching Docker's key" apt_fetch "$REPO_URL/gpg" "$rf_key" || give_up
    as_root chmod 644 "$rf_key"
    grep -q 'BEGIN PGP PUBLIC KEY' "$rf_key" || {
        undo
        fail "$REPO_URL/gpg is not a key" "$FETCH_HINT"
    }
    rf_text="deb [signed-by=$rf_key] $REPO_URL $SUITE stable"
    root_file "$rf_list" "# rayfab$NL$rf_text"
    patient "reading Docker's package list" apt_get -o "Dir::Etc::SourceList=$rf_list" -o Dir::Etc::SourceParts=- \
        -o APT::Get::List-Cleanup=0 update || give_up
    ! grep -qE '^(W|E|Err)[:0-9].*(Failed to fetch|Release file)' "$rf_log" || give_up
    # shellcheck disable=SC2016
    [ -z "$rf_lists" ] || as_root sh -c 'printf "%s\n" "$2" >>"$1"' sh "$rf_lists/sources.list" "$rf_text"
}
install_once() {
    with_packages patient "installing $NAMES" apt_get install -y --no-remove --no-install-recommends "$@"
}
install_packages() {
    [ -z "$MIRROR" ] || mirror_sources
    # if one source is down, another may still have the package: the installation below shows
    rf_stale=
    patient "reading package lists" apt_get update || rf_stale=$(tail -n 5 "$rf_log")
    if grep -q 'Failed to fetch' "$rf_log"; then rf_stale=$(grep 'Failed to fetch' "$rf_log" | head -n 5); fi
    [ "$SOURCE" != docker-ce ] || docker_source
    set --
    # if the kernel has AppArmor, containers do not start without apparmor_parser
    case $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) in Y*) have apparmor_parser || set -- apparmor ;; esac
    if [ ! -d /run/systemd/system ] && [ ! -e /sys/fs/cgroup/cgroup.controllers ] && [ ! -d /sys/fs/cgroup/memory ]; then
        set -- "$@" cgroupfs-mount
    fi
    if ! install_once "$@"; then
        if grep -q 'dpkg was interrupted' "$rf_log"; then
            patient "finishing an interrupted installation" as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive \
                dpkg --force-confdef --force-confold --configure -a || give_up
            install_once "$@" || give_up
        else
            [ -z "$rf_stale" ] || printf '%s\n' "$rf_stale" >>"$rf_log"
            give_up
        fi
    fi
    # newer releases have the docker command in a separate package
    have docker || patient "installing docker-cli" apt_get install -y --no-remove --no-install-recommends docker-cli || give_up
    [ -z "$rf_temp" ] || as_root rm -rf "$rf_temp"
}
