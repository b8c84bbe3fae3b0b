#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib about docker image pieces
# values: ADDRESS CLUSTER IDLE IMAGE PORTS SERVE
# Serves this host's pieces to the other hosts, in a container of the image. It ends by itself after some idle time.
image_begin
rf_image=$(image_about '') || fail "the image $IMAGE is not there" "look at: docker image ls"
rf_name=rayfab_seed_$CLUSTER
dk rm -f "$rf_name" >/dev/null 2>&1
write_file "$rf_parts/.token" 600 "$RF_SEED"
if [ "$(uname -s)" = Linux ]; then
    rf_listen=$ADDRESS
    set -- --network host
else
    # Docker Desktop's virtual machine does not have this host's addresses
    rf_listen=0.0.0.0
    PORTS=${PORTS%% *}
    set -- --publish "$PORTS:$PORTS"
fi
dk run --detach --rm --name "$rf_name" "$@" --security-opt label=disable --user "$(pieces_user)" --volume "$rf_parts:/pieces" \
    --entrypoint python "${rf_image%% *}" -c "$SERVE" /pieces "$rf_listen" "$IDLE" $PORTS >"$NODE/install.log" 2>&1 || {
    rf_said=$(tail -n 1 "$NODE/install.log")
    rm -f "$NODE/install.log" "$rf_parts/.token"
    fail "cannot serve the image: $rf_said" "docker.image_source: pull lets every host pull for itself"
}
rm -f "$NODE/install.log"
rf_n=0
until rf_port=$(dk logs "$rf_name" 2>/dev/null | sed -n 's/^port //p') && [ -n "$rf_port" ]; do
    rf_n=$((rf_n + 1))
    if [ "$rf_n" -gt 100 ] || [ -z "$(dk ps -q -f "name=^/$rf_name\$")" ]; then
        rf_said=$(dk logs "$rf_name" 2>&1 | tail -n 1)
        dk rm -f "$rf_name" >/dev/null 2>&1
        rm -f "$rf_parts/.token"
        fail "cannot serve the image: ${rf_said:-its server ended}" "docker.image_source: pull lets every host pull for itself"
    fi
    nap
done
rm -f "$rf_parts/.token"
emit port "$rf_port"
