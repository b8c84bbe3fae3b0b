#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib any_python limited
# Read-only. What the facts leave out, since it takes longer or only matters to somebody who looks for a fault.
# The clock, as exactly as this system's date tells it; the other end notes when it arrives.
case $(date +%N 2>/dev/null) in *[!0-9]* | '') rf_value=%s ;; *) rf_value=%s.%N ;; esac
rf_value=$(date "+$rf_value")
step "clock $rf_value"
if any_python; then emit python "$rf_py"; fi
if have timedatectl && limited timedatectl 5 timedatectl show -p NTP -p NTPSynchronized; then
    printf '%s\n' "$rf_said" | emit_text ntp
fi
if [ -d /sys/class/net ]; then
    for rf_dir in /sys/class/net/*; do
        if [ -r "$rf_dir/mtu" ] && read -r rf_value <"$rf_dir/mtu"; then emit mtu "${rf_dir##*/} $rf_value"; fi
    done
elif have ifconfig; then
    ifconfig 2>/dev/null | sed -n 's/^\([A-Za-z0-9]*\): .* mtu \([0-9]*\).*/\1 \2/p' | while IFS= read -r rf_line; do emit mtu "$rf_line"; done
fi
# Libraries that a job uses ask for the address of the host's own name.
if have getent; then
    if limited getent 8 getent hosts "$(uname -n)"; then emit own_address "${rf_said%% *}"; else emit own_address none; fi
fi
# Of memory: what is free, swapped out, and how often a process was killed for it.
if [ -r /proc/meminfo ]; then
    grep -E '^(MemTotal|MemAvailable|SwapTotal|SwapFree):' /proc/meminfo | emit_text memory
    [ ! -r /proc/vmstat ] || grep '^oom_kill ' /proc/vmstat | emit_text memory
fi
# The limits and the proxies of running raylets; the values of proxies may hold passwords.
health_proxies() { grep -iE '^(https?|no)_proxy=.' | sed 's#=.*@#=#' | emit_text "$1"; }
for rf_file in $(grep -lsx raylet /proc/[0-9]*/comm 2>/dev/null); do
    rf_dir=${rf_file%/comm}
    if [ -r "$rf_dir/limits" ]; then emit_text "limits:${rf_dir#/proc/}" <"$rf_dir/limits"; fi
    # shellcheck disable=SC2094
    if [ -r "$rf_dir/environ" ]; then tr '\0' '\n' 2>/dev/null <"$rf_dir/environ" | health_proxies ray_proxies; fi
done
env | health_proxies proxies
# What the node's environment really contains, whatever its lock says.
for rf_dir in "$NODE"/env/lib/python3*/site-packages/*.dist-info; do
    [ ! -d "$rf_dir" ] || printf '%s\n' "${rf_dir##*/}"
done | emit_text packages
# GPUs: WSL has the program in a folder that is not on an SSH session's PATH.
rf_smi=nvidia-smi
have nvidia-smi || rf_smi=/usr/lib/wsl/lib/nvidia-smi
if have "$rf_smi"; then
    rf_value=index,name,driver_version
    if limited nvidia-smi 20 "$rf_smi" "--query-gpu=$rf_value,ecc.errors.uncorrected.volatile.total,clocks_throttle_reasons.active,temperature.gpu" \
        --format=csv,noheader,nounits || limited nvidia-smi 20 "$rf_smi" "--query-gpu=$rf_value" --format=csv,noheader,nounits; then
        printf '%s\n' "$rf_said" | emit_text gpus
    fi
    # the driver's complaints are in the kernel's log, which not everybody may read
    if limited dmesg 10 dmesg || { can_root && limited 'dmesg as root' 10 as_root dmesg; }; then
        printf '%s\n' "$rf_said" | grep 'NVRM: Xid' | tail -n 20 | emit_text xid
    else
        emit xid_unread 1
    fi
fi
