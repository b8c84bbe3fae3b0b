#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# Can this host reach the head's ports? A refusal is an answer: nothing listens there yet, but the way is open.
rf_try() {
    if have python3; then
        python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
s.settimeout(4)
try:
    s.connect((sys.argv[1], int(sys.argv[2])))
    print("open")
except ConnectionRefusedError:
    print("refused")
except socket.timeout:
    print("timeout")
except OSError as e:
    print(e.strerror or e)' "$1" "$2"
    elif have curl; then
        curl -s -o /dev/null --connect-timeout 4 --max-time 4 "telnet://$1:$2" </dev/null
        case $? in 0 | 49) echo open ;; 7) echo refused ;; 28) echo timeout ;; *) echo unknown ;; esac
    elif have bash; then
        rf_said=$(timeout 4 bash -c ': 2>/dev/null </dev/tcp/"$0"/"$1"' "$1" "$2" 2>&1)
        case $?:$rf_said in 0:*) echo open ;; 124:*) echo timeout ;; *refused*) echo refused ;; *) echo "${rf_said##*: }" ;; esac
    else
        echo unknown
    fi
}
for rf_port in $PORTS; do
    rf_said=$(rf_try "$ADDRESS" "$rf_port")
    emit reach "$rf_port $rf_said"
    # one silent port stands for all: each would cost its whole time-out
    case $rf_said in timeout) break ;; esac
done
