#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: FIRST LOCKED_BY
# Gives this host a folder of its own in a home that it shares with other hosts. FIRST: the host that keeps the folder
# of a home of one host; its lock is seen here if the home is really the same. Empty: there is none.
settle() {
    # NFS answers from its cache until a folder is opened
    ls -a "$HOME" "$ROOT" "$SHARED" >/dev/null 2>&1
    if [ -n "$FIRST" ]; then
        case $(readlink "$SHARED/lock" 2>/dev/null) in *" $LOCKED_BY") ;; *) return 0 ;; esac
    fi
    HOST_ID=$(host_id)
    (umask 077 && mkdir -p "$SHARED/hosts") || fail "cannot make $SHARED/hosts" "make the home folder writable"
    [ -z "$FIRST" ] || ln -s .. "$SHARED/hosts/$FIRST" 2>/dev/null || :
    NODE=$SHARED/hosts/$HOST_ID
    [ ! -h "$NODE" ] || fail "another host of this home has the same name and the same machine id: $HOST_ID" "give this one a name: hostnamectl set-hostname NAME"
    (umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE" "make the home folder writable"
}
settle
