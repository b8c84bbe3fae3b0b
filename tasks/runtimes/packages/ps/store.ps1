# needs: lib
# The packages that the clusters on this host share.
$Store = $Root + '\.store'
