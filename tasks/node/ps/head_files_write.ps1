# needs: lib
# values: LOCKS
# Puts on a head what another one has kept, or it itself before it was destroyed: token and locks.
MakeNode
if ($RF_LOCKS) { WriteText ($Node + '\restored.lock') $RF_LOCKS }
if ($RF_TOKEN) { WriteText ($Node + '\token') $RF_TOKEN }
