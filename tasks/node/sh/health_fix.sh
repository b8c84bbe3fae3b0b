#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib limited
# values: FIXES
# What can be put right without harm to anything that runs. Each is answered as its name, and ok or why it was not done.
fixed() { emit fixed "$1 $2"; }
can_root || fail "nothing can be changed here without root" "sudo_password in the hosts file, or log in as root"
for rf_value in $FIXES; do
    rf_said=
    case $rf_value in
        clock)
            if ! have timedatectl; then
                fixed clock "there is no timedatectl"
            elif limited timedatectl 20 as_root timedatectl set-ntp true; then
                fixed clock ok
            else
                fixed clock "$rf_said"
            fi
            ;;
        name)
            # sh gets the name as an argument
            # shellcheck disable=SC2016
            as_root sh -c 'printf "127.0.1.1 %s\n" "$1" >>/etc/hosts' sh "$(uname -n)" 2>/dev/null
            if getent hosts "$(uname -n)" >/dev/null 2>&1; then fixed name ok; else fixed name "/etc/hosts could not be written"; fi
            ;;
        tmp)
            as_root chmod 1777 /tmp 2>/dev/null
            if [ -w /tmp ]; then fixed tmp ok; else fixed tmp "/tmp could not be changed"; fi
            ;;
    esac
done
