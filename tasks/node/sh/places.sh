#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib limited node
# values: SPILL_DIR TEMP_DIR
# The folders that a node needs, and the limits of this session: read with builtins where possible.
owner_of() { ls -ld "$1" 2>/dev/null | awk '{ print $3 }'; }
# Whether the programs here are 64-bit and made for glibc; the kernel says neither.
userland() {
    if have getconf; then
        emit long_bit "$(getconf LONG_BIT 2>/dev/null)"
    elif [ -r /proc/self/exe ]; then
        # the fifth byte of a program: 1 is 32-bit, 2 is 64-bit
        case $(head -c 5 /proc/self/exe | tail -c 1 | od -An -tu1 2>/dev/null) in *1*) emit long_bit 32 ;; *2*) emit long_bit 64 ;; esac
    fi
    for rf_file in /lib/ld-musl-*; do [ ! -e "$rf_file" ] || [ -e /lib64/ld-linux-x86-64.so.2 ] || [ -e /lib/ld-linux-aarch64.so.1 ] || emit musl 1; done
}
ask_sudo() {
    # %p: whose password sudo wants
    rf_prompt='password of %p: '
    as_root true
}
service_says() {
    node_do "$rf_service" reach >/dev/null 2>&1
    node_do "$rf_service" active 2>/dev/null
}
# Sets rf_at: the folder $1, or the nearest one above it that exists. It may begin with ~/.
nearest() {
    rf_at=$1
    case $rf_at in \~/*) rf_at=$HOME/${rf_at#??} ;; esac
    while [ -n "$rf_at" ] && [ ! -d "$rf_at" ]; do rf_at=${rf_at%/*}; done
    rf_at=${rf_at:-/}
}
# Since when the state of a head is there, its size in KiB, and what was put aside.
# shellcheck disable=SC2016
store_here() {
    node_do "$rf_service" reach >/dev/null 2>&1
    node_do "$rf_service" store 'echo "since $(date -r "$1/tables/IDENTITY" +%s 2>/dev/null)"
        echo "size $(du -sk "$1" 2>/dev/null)"
        [ ! -d "$1.unreadable" ] || echo "aside $1.unreadable"'
}
# Sizes, kinds and options of the file systems under the home, Ray's folder, that for spilled objects and shared memory.
places() {
    rf_temp=$TEMP_DIR
    case $rf_temp in \~/*) rf_temp=$HOME/${rf_temp#??} ;; esac
    rf_spill=
    if [ -n "$SPILL_DIR" ]; then
        nearest "$SPILL_DIR"
        rf_spill=$rf_at
    fi
    nearest "$TEMP_DIR"
    rf_near=$rf_at
    if limited df 8 df -Pk "$HOME" "$rf_near" /tmp /dev/shm ${rf_spill:+"$rf_spill"} || [ -n "$rf_said" ]; then
        printf '%s\n' "$rf_said" | emit_text df
        # macOS prints other columns, and its file systems do not run out of inodes
        [ ! -d /proc/self ] || df -Pi "$HOME" "$rf_near" 2>/dev/null | emit_text inodes
    fi
    if [ -d /tmp ] && [ -w /tmp ]; then emit tmp_writable 1; fi
    if [ -w "$rf_near" ]; then emit temp_writable 1; fi
    if [ -n "$rf_spill" ]; then
        if [ -w "$rf_spill" ]; then emit spill_writable 1; fi
        rf_spill=$(cd "$rf_spill" 2>/dev/null && pwd -P)
        emit spill_near "$rf_spill"
    fi
    rf_home=$(cd "$HOME" 2>/dev/null && pwd -P)
    rf_near=$(cd "$rf_near" 2>/dev/null && pwd -P)
    emit temp_near "$rf_near"
    [ ! -r /proc/self/mounts ] || while read -r _ rf_dir rf_key rf_value _; do
        # bash matches "${rf_dir%/}"/* in another way
        rf_file=${rf_dir%/}
        case $rf_home/ in "$rf_file"/*) emit mount "home $rf_key $rf_value $rf_dir" ;; esac
        case $rf_near/ in "$rf_file"/*) emit mount "temp $rf_key $rf_value $rf_dir" ;; esac
        case ${rf_spill:-.}/ in "$rf_file"/*) emit mount "spill $rf_key $rf_value $rf_dir" ;; esac
    done </proc/self/mounts
    [ ! -r /proc/self/limits ] || while read -r _ rf_key rf_dir rf_value rf_file _; do
        # Max processes SOFT HARD processes; Max open files SOFT HARD files
        case $rf_key in
            processes) emit limit_processes "$rf_dir $rf_value" ;;
            open) emit limit_files "$rf_value $rf_file" ;;
        esac
    done </proc/self/limits
    if [ -d "$rf_temp" ]; then strangers; fi
    case $rf_near/ in /tmp/* | /var/tmp/*) cleaners ;; esac
}
# What another user has left in Ray's folder, and keeps this user's Ray from starting.
strangers() {
    if [ ! -w "$rf_temp" ] || [ ! -x "$rf_temp" ]; then
        emit temp_foreign "$(owner_of "$rf_temp") $rf_temp"
        return
    fi
    rf_file=$rf_temp/ray_current_cluster
    # shellcheck disable=SC3067
    if [ -e "$rf_file" ] && [ ! -O "$rf_file" ]; then
        rf_value=0
        [ ! -r /proc/sys/fs/protected_regular ] || read -r rf_value </proc/sys/fs/protected_regular
        # the kernel keeps even root from writing other users' files in a folder with the sticky bit
        if [ ! -w "$rf_file" ] || { [ "$rf_value" != 0 ] && [ -k "$rf_temp" ] && [ ! -O "$rf_temp" ]; }; then
            emit temp_foreign "$(owner_of "$rf_file") $rf_file"
        fi
    fi
}
# What removes old files from /tmp here, unless it leaves Ray's folder alone.
cleaners() {
    rf_cleaner=
    if [ -d /run/systemd/system ]; then
        rf_file=
        for rf_dir in /etc /run /usr/lib; do
            # a file in an earlier folder replaces those of its name in the later ones
            if [ -z "$rf_file" ] && [ -f "$rf_dir/tmpfiles.d/tmp.conf" ]; then rf_file=$rf_dir/tmpfiles.d/tmp.conf; fi
        done
        for rf_file in "$rf_file" /etc/tmpfiles.d/*.conf; do
            [ -r "$rf_file" ] && [ -f "$rf_file" ] || continue
            while read -r rf_key rf_dir _ _ _ rf_value _; do
                case $rf_key:$rf_dir in
                    [xX]*:"$rf_temp" | [xX]*:"$rf_temp"/* | [xX]*:"$rf_temp*") return ;;
                    [dDqQvVeE]*:/tmp | [dDqQvVeE]*:/tmp/ | [dDqQvVeE]*:/var/tmp)
                        rf_dir=${rf_dir%/}
                        case $rf_temp/ in "$rf_dir"/*) case $rf_value in '' | - | 0) ;; *) rf_cleaner="systemd-tmpfiles, after $rf_value" ;; esac ;; esac
                        ;;
                esac
            done <"$rf_file"
        done
    fi
    for rf_file in tmpreaper tmpwatch; do
        [ ! -x "/etc/cron.daily/$rf_file" ] || rf_cleaner=$rf_file
    done
    [ -z "$rf_cleaner" ] || emit cleaner "$rf_cleaner"
}
# $1: a raylet's folder in /proc. Says if it is this node's and its session has lost files, so that it runs no tasks.
session_lost() {
    grep -qsF "RAYFAB_NODE=$NODE/" "$1/environ" || return 0
    rf_value=$(tr '\0' ' ' 2>/dev/null <"$1/cmdline")
    case $rf_value in *--session_dir=*) ;; *) return 0 ;; esac
    rf_value=${rf_value#*--session_dir=}
    rf_value=${rf_value%% *}
    { [ -d "$rf_value/logs" ] && [ -d "$rf_value/sockets" ]; } || emit ray_lost "$rf_value"
}
