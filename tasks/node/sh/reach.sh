#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: ADDRESS PORTS
# Whether this host can reach the head's ports. "refused" counts as reachable: nothing is listening there yet.
rf_python() {
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
    print(e.strerror or e)' "$1" "$2" 2>/dev/null
}
rf_try() {
    # macOS has a python3 that only prints how to install one
    if have python3 && rf_python "$1" "$2"; then return; fi
    if have bash && have timeout; then
        rf_said=$(timeout 4 bash -c ': </dev/tcp/"$0"/"$1"' "$1" "$2" 2>&1)
        case $?:$rf_said in
            0:*) echo open ;;
            124:* | 143:*) echo timeout ;;
            *refused*) echo refused ;;
            *"No route"* | *nreachable* | *"timed out"*) echo "${rf_said##*: }" ;;
            *) echo unknown ;;
        esac
    elif have curl; then
        # the port does not speak HTTP: only curl's messages about the connection count
        rf_said=$(curl -s -v -o /dev/null --noproxy '*' --connect-timeout 4 --max-time 5 "$(rf_url "$1" "$2")" 2>&1)
        case $rf_said in
            *"Connected to "* | *"Established connection"*) echo open ;;
            *refused*) echo refused ;;
            *"No route"* | *nreachable*) echo unreachable ;;
            *"timed out"* | *imeout*) echo timeout ;;
            *) echo unknown ;;
        esac
    else
        echo unknown
    fi
}
rf_url() {
    case $1 in *:*) echo "http://[$1]:$2/" ;; *) echo "http://$1:$2/" ;; esac
}
for rf_port in $PORTS; do
    rf_said=$(rf_try "$ADDRESS" "$rf_port")
    emit reach "$rf_port $rf_said"
    # stop at the first silent port: each one would cost a whole timeout
    case $rf_said in timeout) break ;; esac
done
