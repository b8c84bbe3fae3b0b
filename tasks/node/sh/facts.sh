#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib docker envs limited node places
# Read-only. Uses builtins and /proc where possible: on a hundred hosts every process that starts counts.
# A raylet as its process id, its age in seconds, its id in Ray, whether it is this node's own, and its control groups.
# Ages are counted from the start of this shell: in a container /proc/uptime may be the container's own.
raylet_age() {
    rf_stat=
    read -r rf_stat <"/proc/$1/stat" || return 0
    # the 22nd field, counted after the name, which may contain spaces
    # shellcheck disable=SC2086
    set -- "$2" ${rf_stat##*) }
    echo "$((($1 - ${21:-$1}) / 100))"
}
raylets() {
    rf_stat=
    read -r rf_stat </proc/self/stat || return 0
    # shellcheck disable=SC2086
    set -- ${rf_stat##*) }
    rf_now=${20}
    for rf_file in $(grep -lx raylet /proc/[0-9]*/comm 2>/dev/null); do
        rf_dir=${rf_file%/comm}
        rf_mine=other
        ! grep -qsF "RAYFAB_NODE=$NODE/" "$rf_dir/environ" || rf_mine=own
        rf_value=$(tr '\0' '\n' 2>/dev/null <"$rf_dir/cmdline" | sed -n 's/^--node_id=\([0-9a-f]*\)$/\1/p')
        rf_age=$(raylet_age "${rf_dir#/proc/}" "$rf_now" 2>/dev/null)
        emit raylet "${rf_dir#/proc/} ${rf_age:--} ${rf_value:--} $rf_mine $(tr '\n' ',' 2>/dev/null <"$rf_dir/cgroup")"
    done
    emit raylets_read 1
}
emit uname "$(uname -srm)"
emit hostname "$(uname -n)"
emit id "$(id)"
emit home "$HOME"
emit node "$NODE"
[ ! -d "$NODE/metrics/bin" ] || emit metrics "$(cd "$NODE/metrics/bin" && echo *)"
for rf_file in "$SHARED"/hosts/*; do
    if [ -e "$rf_file" ] || [ -h "$rf_file" ]; then emit home_host "${rf_file##*/}"; fi
done
# Two hosts with the same home see the same inode and the same times of its files.
if [ -d /proc/self ]; then
    set -- -c '%i %z'
else
    set -- -f '%i %Fc'
fi
stat "$@" "$HOME" "$HOME/.ssh" "$HOME/.ssh/authorized_keys" "$HOME/.profile" "$HOME/.bashrc" 2>/dev/null | emit_text home_files
emit shell "${SHELL-}"
emit ssh_connection "${SSH_CONNECTION-}"
emit clock "$(date +%s)"
if [ -r /etc/os-release ]; then
    while IFS='=' read -r rf_key rf_value; do
        case $rf_key in ID | ID_LIKE | VERSION_ID | PRETTY_NAME | *CODENAME) emit "os_$rf_key" "$rf_value" ;; esac
    done </etc/os-release
elif have sw_vers; then
    emit os_ID macos
    emit os_VERSION_ID "$(sw_vers -productVersion)"
    emit boot_id "$(sysctl -n kern.bootsessionuuid 2>/dev/null)"
fi
if [ -r /proc/meminfo ]; then
    while read -r rf_key rf_value _; do
        case $rf_key in MemTotal: | MemAvailable:) emit "mem_$rf_key" "$rf_value" ;; esac
        [ "$rf_key" != MemAvailable: ] || break
    done </proc/meminfo
else
    emit mem_bytes "$(sysctl -n hw.memsize 2>/dev/null)"
fi
if have nproc; then emit cpus "$(nproc)"; else emit cpus "$(getconf _NPROCESSORS_ONLN 2>/dev/null)"; fi
for rf_file in /proc/sys/kernel/random/boot_id /etc/machine-id; do
    [ ! -r "$rf_file" ] || { read -r rf_value <"$rf_file" && emit "${rf_file##*/}" "$rf_value"; }
done
if have getconf; then emit libc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"; fi
userland
if have ip; then
    ip -o addr show 2>/dev/null | emit_text ip_addr
    [ ! -r /proc/net/route ] || emit_text route </proc/net/route
elif have ifconfig; then
    ifconfig -a 2>/dev/null | emit_text ifconfig
    if [ -r /proc/net/route ]; then emit_text route </proc/net/route; else
        route -n get default 2>/dev/null | emit_text route_default; fi
elif [ -r /proc/net/fib_trie ]; then
    awk '/32 host LOCAL/ { print last } { last = $2 }' /proc/net/fib_trie | emit_text fib
    emit_text route </proc/net/route
fi
if [ -w "$HOME" ]; then emit home_writable 1; fi
places
for rf_tool in curl wget tar gzip sudo systemctl loginctl docker podman nvidia-smi uv bash setsid crontab apt-get dnf yum zypper pacman; do
    if have "$rf_tool"; then emit tool "$rf_tool"; fi
done
if [ -d /run/systemd/system ]; then
    emit systemd 1
    if [ -S "${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/systemd/private" ]; then emit user_systemd 1; fi
fi
if [ "$(id -u)" != 0 ] && have sudo; then
    step "asking sudo, which may wait for name servers"
    # kept as can_root does, for what comes after
    limited sudo 40 ask_sudo
    rf_root=$?
    rf_sudo_says=$rf_said
    case $rf_root,${RF_SUDO:+password} in
        124,*) ;;
        0,) emit sudo nopasswd ;;
        0,*) emit sudo password ;;
        *,) emit sudo needs-password ;;
        *) emit sudo refused ;;
    esac
    [ -z "$rf_sudo_says" ] || printf '%s
' "$rf_sudo_says" | emit_text sudo_says
    step "gathering facts"
fi
# WSL has it beside the driver, in a folder that is not on an SSH session's PATH.
rf_smi=nvidia-smi
have nvidia-smi || rf_smi=/usr/lib/wsl/lib/nvidia-smi
if have "$rf_smi"; then
    # it prints what is wrong with the driver in place of the GPUs; with eight of them it takes a while
    if limited nvidia-smi 20 "$rf_smi" --query-gpu=name,driver_version --format=csv,noheader; then
        printf '%s\n' "$rf_said" | emit_text gpu
    elif [ -n "$rf_late" ]; then
        emit gpu_says 'nothing within 20 s'
    else
        emit gpu_says "$rf_said"
    fi
fi
if have nvidia-container-runtime-hook; then emit gpu_hook 1; fi

# Whether the node is held back, and why
[ ! -r "$NODE/hold" ] || { IFS= read -r rf_value <"$NODE/hold" && emit hold "$rf_value"; }

# What this project installed here, and whether it is running.
rf_service=none
rf_active=
if [ -r "$NODE/state.json" ]; then
    IFS= read -r rf_value <"$NODE/state.json" || :
    emit state "$rf_value"
    rf_service=$(node_service)
    emit service "$rf_service"
    if limited "$rf_service" 15 service_says; then
        rf_active=$rf_said
        emit active "$rf_active"
    fi
    if [ -r "$NODE/gcs.for" ] && [ "$rf_active" = active ] && limited "$rf_service" 15 store_here; then
        printf '%s\n' "$rf_said" | emit_text store
    fi
    for rf_file in "$SHARED"/envs/*/.complete; do
        rf_dir=${rf_file%/.complete}
        env_whole "$rf_dir" || continue
        emit env "${rf_dir##*/}"
        [ -z "$rf_changes" ] || printf '%s\n' "$rf_changes" | emit_text env_changes
    done
    [ ! -r /proc/self/stat ] || raylets
    [ ! -r "$NODE/deployed.json" ] || { IFS= read -r rf_value <"$NODE/deployed.json" && emit deployed "$rf_value"; }
    rf_value=
    { IFS= read -r rf_value <"$(node_do "$rf_service" life)"; } 2>/dev/null || :
    [ -z "$rf_value" ] || emit life "$rf_value"
    [ ! -r "$NODE/starts" ] || tail -n 20 "$NODE/starts" | emit_text starts
    [ ! -r "$NODE/env/requirements.lock" ] || emit_text requirements <"$NODE/env/requirements.lock"
fi
[ ! -r "$NODE/restored.lock" ] || emit_text restored <"$NODE/restored.lock"

# The names of the containers that run Ray
ray_boxes() {
    # one alone is this node's own where that runs in a container
    ! have "${rf_service}_boxed" || [ "$rf_active,${rf_boxes##* }" != "active,${rf_boxes#?}" ] || return 0
    for rf_box in $rf_boxes; do
        for rf_tool in docker podman; do
            have "$rf_tool" || continue
            rf_name=$("$rf_tool" inspect -f '{{.Name}}' "$rf_box" 2>/dev/null || as_root "$rf_tool" inspect -f '{{.Name}}' "$rf_box" 2>/dev/null) ||
                continue
            emit ray_container "$rf_box $rf_tool ${rf_name#/}"
            break
        done
    done
}

# The ports that are in use, and Ray's processes.
rf_boxes=
if [ -r /proc/net/tcp ]; then
    rf_files=/proc/net/tcp
    [ ! -r /proc/net/tcp6 ] || rf_files="$rf_files /proc/net/tcp6"
    # shellcheck disable=SC2086
    emit ports "$(awk '$4 == "0A" { n = split($2, a, ":"); if (!(a[n] in s)) { s[a[n]] = 1; printf "%s ", a[n] } }' $rf_files)"
    for rf_file in $(grep -lxE 'raylet|gcs_server' /proc/[0-9]*/comm 2>/dev/null); do
        rf_dir=${rf_file%/comm}
        # A Ray in another network namespace (a container, a virtual host) uses no port of this host.
        rf_value=$(readlink "$rf_dir/ns/net" 2>/dev/null)
        if [ -n "$rf_value" ]; then
            [ "$rf_value" = "$(readlink /proc/self/ns/net)" ] || continue
        elif grep -qE 'docker|containerd|libpod|kubepods' "$rf_dir/cgroup" 2>/dev/null; then
            continue
        fi
        session_lost "$rf_dir"
        rf_value=$(tr '\n' ',' 2>/dev/null <"$rf_dir/cgroup")
        emit ray_process "${rf_dir#/proc/} $(readlink "$rf_dir/exe" 2>/dev/null) $rf_value"
        # of a container, the control group has the id
        case $rf_value in *[-/][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]*) ;; *) continue ;; esac
        rf_value=$(printf '%s' "$rf_value" | sed -n 's/.*[-/]\([0-9a-f]\{64\}\).*/\1/p')
        [ -n "$rf_value" ] || continue
        case " $rf_boxes " in *" $rf_value "*) ;; *) rf_boxes="$rf_boxes $rf_value" ;; esac
    done
    [ -z "$rf_boxes" ] || ray_boxes
else
    netstat -an -p tcp 2>/dev/null | awk '/LISTEN/ { print $4 }' | emit_text netstat
    ps -axo pid=,comm= 2>/dev/null | awk '$2 ~ /(raylet|gcs_server)$/' | emit_text ray_ps
fi
# A node that is just starting or stopping may have neither process and still hold its ports.
[ -z "$(node_pids)" ] || emit node_processes 1
