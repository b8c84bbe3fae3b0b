#!/bin/sh
# Keeps Ray alive on a host without systemd. Written by a deploy.
NODE=/root/.rayfab/lab
echo $$ >"$NODE/loop.pid"
child=
trap 'trap "" TERM; kill -TERM $child 2>/dev/null; wait $child; rm -f "$NODE/loop.pid"; exit 0' TERM
while :; do
    sh "$NODE/start.sh" &
    child=$!
    wait $child
    sleep 3
done
