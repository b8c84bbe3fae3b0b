# needs: lib
# Prints what a head keeps: the cluster's token. Ray keeps no state on Windows.
$kept = (ReadText ($Node + '\token')).Trim()
if ($kept) { Emit 'token' $kept }
