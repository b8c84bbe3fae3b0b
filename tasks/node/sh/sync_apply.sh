#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib sync
# values: CHANGES DEST PACKS
# Puts files in their places, each whole or not at all. A change is a line of four words with tabs between them: what,
# mode, SHA-256 of the content or target of a link, path.
rf_tab=$(printf '\t')
rf_blobs=$SYNC/blobs
rm -rf "$rf_blobs"
(umask 077 && mkdir -p "$rf_blobs") || fail "cannot make $rf_blobs"
trap 'rm -rf "$rf_blobs"' EXIT
for rf_pack in $PACKS; do
    step "unpacking"
    (cd "$rf_blobs" && tar -xzf "$SYNC/$rf_pack.tgz") ||
        fail "cannot unpack in $rf_blobs" "is there space, and are tar and gzip there? df -h $rf_blobs"
done
mkdir -p "$DEST" || fail "cannot make $DEST"
cd "$DEST" || fail "cannot enter $DEST" "may $(id -un) do that? ls -ld $DEST"
step "putting files in their places"
rf_count=0
while IFS=$rf_tab read -r rf_kind rf_mode rf_value rf_path; do
    [ -n "$rf_kind" ] || continue
    rf_new=${rf_path%/*}/.rayfab-$RF_MARK
    if [ "$rf_kind" != folder ] && [ "$rf_kind" != delete ] && [ -d "$rf_path" ] && [ ! -h "$rf_path" ]; then
        fail "$DEST/${rf_path#./} is a folder on this host" "remove it there, or name another folder"
    fi
    case $rf_kind in
        folder)
            [ -d "$rf_path" ] || [ ! -e "$rf_path" ] ||
                fail "$DEST/${rf_path#./} is not a folder on this host" "remove it there, or name another folder"
            mkdir -p "$rf_path" && chmod "$rf_mode" "$rf_path" || fail "cannot make $DEST/${rf_path#./}"
            ;;
        file)
            rm -f "$rf_new" && cp "$rf_blobs/$rf_value" "$rf_new" && chmod "$rf_mode" "$rf_new" && mv -f "$rf_new" "$rf_path" || {
                rm -f "$rf_new"
                fail "cannot write $DEST/${rf_path#./}"
            }
            ;;
        link)
            rm -f "$rf_new" && ln -s "$rf_value" "$rf_new" && { [ ! -h "$rf_path" ] || rm -f "$rf_path"; } && mv -f "$rf_new" "$rf_path" || {
                rm -f "$rf_new"
                fail "cannot write $DEST/${rf_path#./}"
            }
            ;;
        mode) chmod "$rf_mode" "$rf_path" || fail "cannot change the mode of $DEST/${rf_path#./}" "it belongs to another user" ;;
        delete)
            rm -f "$rf_path" || fail "cannot remove $DEST/${rf_path#./}"
            rf_path=${rf_path%/*}
            while [ "$rf_path" != . ] && rmdir "$rf_path" 2>/dev/null; do rf_path=${rf_path%/*}; done
            ;;
    esac
    rf_count=$((rf_count + 1))
done <<END_OF_CHANGES
$CHANGES
END_OF_CHANGES
emit changed "$rf_count"
