# needs: lib
# values: HISTORY
# Adds to what this head remembers of changes. Nothing is left on a host without a node, and a failure must not keep the
# lock.
try {
    if ([IO.File]::Exists($Node + '\state.json')) {
        $path = $Node + '\history.jsonl'
        $kept = @(LastOf (LinesOf (ReadText $path)) 500) + @($RF_HISTORY)
        [IO.File]::WriteAllText($path + '.new', ($kept -join "`n") + "`n", $Utf8)
        Remove $path
        [IO.File]::Move($path + '.new', $path)
    }
} catch { $null = $_ }
