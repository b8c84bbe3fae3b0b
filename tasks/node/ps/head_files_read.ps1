# needs: lib
# Prints what a head keeps: the cluster's token, and what it remembers of changes. Ray keeps no state on Windows.
$kept = (ReadText ($Node + '\token')).Trim()
if ($kept) { Emit 'token' $kept }
EmitText 'history' (LinesOf (ReadText ($Node + '\history.jsonl')))
