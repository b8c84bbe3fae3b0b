#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib any_python
# values: EXPECT LISTEN ME PROGRAM LIMIT TARGETS TOKEN V6
# Listens on this host's ports while it tries those of other hosts: each host does the same at the same time. Nothing
# is left listening: the program ends by itself, and with the connection.
# Without Python: only what can be seen from this side. $1: address, $2: port
reach_port() {
    if have bash && have timeout; then
        rf_said=$(timeout 3 bash -c ': </dev/tcp/"$0"/"$1"' "$1" "$2" 2>&1)
        case $?:$rf_said in
            0:*) echo open ;;
            124:* | 143:*) echo timeout ;;
            *refused*) echo refused ;;
            *"No route"* | *nreachable* | *"timed out"*) echo "error ${rf_said##*: }" ;;
            *) echo unknown ;;
        esac
    elif have curl; then
        # the port does not speak HTTP: only curl's messages about the connection count
        rf_said=$(curl -s -v -o /dev/null --noproxy '*' --connect-timeout 3 --max-time 3 "$(reach_url "$1" "$2")" 2>&1)
        case $rf_said in
            *"Connected to "* | *"Established connection"*) echo open ;;
            *refused*) echo refused ;;
            *"No route"* | *nreachable*) echo "error No route to host" ;;
            *"timed out"* | *imeout*) echo timeout ;;
            *) echo unknown ;;
        esac
    else
        echo unknown
    fi
}
reach_url() {
    case $1 in *:*) echo "http://[$1]:$2/" ;; *) echo "http://$1:$2/" ;; esac
}
# What may keep others out of this host, by files that everybody may read.
reach_firewall() {
    if grep -qs '^ENABLED=yes' /etc/ufw/ufw.conf; then
        echo ufw
    elif [ -d /run/firewalld ] || grep -qsx firewalld /proc/[0-9]*/comm; then
        echo firewalld
    elif have socketfilterfw || [ -x /usr/libexec/ApplicationFirewall/socketfilterfw ]; then
        echo macos
    elif have nft && ! have iptables; then
        echo nftables
    elif have iptables; then
        echo iptables
    fi
}
rf_value=$(reach_firewall)
[ -z "$rf_value" ] || emit firewall "$rf_value"
if any_python; then
    "$rf_py" -c "$PROGRAM" "$TOKEN" "$ME" "$LIMIT" "$EXPECT" "$V6" "$LISTEN" "$TARGETS" 2>/dev/null | while IFS= read -r rf_line; do
        case $rf_line in
            ready) step "listening" ;;
            *) emit "${rf_line%% *}" "${rf_line#* }" ;;
        esac
    done
else
    # what the other hosts listen on is up by then
    [ -z "$TARGETS" ] || sleep 1
    printf '%s\n' "$TARGETS" | while read -r rf_name rf_host rf_port _; do
        [ -z "$rf_name" ] || emit reach "$rf_name $rf_port $(reach_port "$rf_host" "$rf_port")"
    done
fi
