# needs: lib
# values: HISTORY LOCKS
# Puts on a head what another one has kept, or it itself before it was destroyed: token, locks and what it remembers of
# changes.
MakeNode
if ($RF_LOCKS) { WriteText ($Node + '\restored.lock') $RF_LOCKS }
if ($RF_HISTORY) {
    # it may have been the head before, and remember some of it
    $path = $Node + '\history.jsonl'
    $own = @(LinesOf (ReadText $path))
    $lines = @()
    foreach ($line in LinesOf $RF_HISTORY) { if ($own -notcontains $line) { $lines = $lines + @($line) } }
    WriteText $path ((@(LastOf ($lines + $own) 500) -join "`n") + "`n")
}
if ($RF_TOKEN) { WriteText ($Node + '\token') $RF_TOKEN }
