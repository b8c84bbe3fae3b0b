#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib about docker image pieces sums
# values: CUT IMAGE
# On the seed: cuts the image into compressed pieces, with the image's own Python.
image_begin
rf_image=$(image_about '') || fail "the image $IMAGE is not there" "look at: docker image ls"
rf_id=${rf_image%% *}
# The list of an interrupted run is used if it is for this image and all its pieces exist.
if [ -r "$rf_parts/list" ] && [ "$(head -n 1 "$rf_parts/list")" = "id $rf_id" ] && grep -q '^raw ' "$rf_parts/list"; then
    while read -r rf_sum rf_size; do
        case $rf_sum in id | raw) continue ;; esac
        [ -f "$rf_parts/$rf_sum" ] && [ "$(wc -c <"$rf_parts/$rf_sum" | tr -d ' ')" = "$rf_size" ] || rm -f "$rf_parts/list"
    done <"$rf_parts/list"
fi
if [ ! -r "$rf_parts/list" ] || [ "$(head -n 1 "$rf_parts/list")" != "id $rf_id" ]; then
    (umask 077 && mkdir -p "$rf_parts") || fail "cannot make $rf_parts"
    rf_raw=$(dk image inspect --format '{{.Size}}' "$rf_id")
    rf_kb=$((rf_raw / 1024))
    [ "$(free_kb "$NODE")" -gt "$rf_kb" ] || no_space "up to $((rf_kb / 1000)) MB are needed in $NODE to hand it on, $(($(free_kb "$NODE") / 1000)) MB are free"
    # saved under its name, so that it arrives with it; a digest cannot be saved
    case $IMAGE in *@*) rf_name=$rf_id ;; *) rf_name=$IMAGE ;; esac
    (dk save "$rf_name" 2>"$NODE/save.log" || echo failed >>"$NODE/save.log") |
        dk_in run --rm --interactive --network none --security-opt label=disable --user "$(pieces_user)" --volume "$rf_parts:/pieces" \
            --entrypoint python "$rf_id" -c "$CUT" >"$NODE/cut.list" 2>"$NODE/install.log" &
    rf_job=$!
    while kill -0 "$rf_job" 2>/dev/null; do
        nap
        rf_got=$(tail -n 1 "$NODE/install.log" 2>/dev/null)
        case $rf_got in *[!0-9]* | '') ;; *) step "cutting $IMAGE into pieces, $((rf_got / 1000000)) of $((rf_raw / 1000000)) MB" ;; esac
    done
    if ! wait "$rf_job" || [ -s "$NODE/save.log" ] || ! grep -q '^raw ' "$NODE/cut.list"; then
        cat "$NODE/save.log" "$NODE/install.log" | tail -n 5 | emit_text log
        rf_said=$(cat "$NODE/save.log" "$NODE/install.log" | grep -v '^[0-9]*$' | tail -n 1)
        rm -f "$NODE/save.log" "$NODE/install.log" "$NODE/cut.list"
        case $rf_said in *"o space left"*) no_space '' ;; esac
        fail "cannot distribute the image $IMAGE: $rf_said" "docker.image_source: pull"
    fi
    { echo "id $rf_id" && cat "$NODE/cut.list"; } >"$rf_parts/list.new" && mv "$rf_parts/list.new" "$rf_parts/list"
    rm -f "$NODE/save.log" "$NODE/install.log" "$NODE/cut.list"
fi
sed -n 's/^raw //p' "$rf_parts/list" | emit_text raw
grep -v -e '^id ' -e '^raw ' "$rf_parts/list" | emit_text piece
