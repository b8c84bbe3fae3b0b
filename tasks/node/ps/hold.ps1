# needs: lib node
# values: HOLD
# Keeps the node from starting again once its raylet has left: the loop waits while the file is there. Empty: no longer.
if ($RF_HOLD) {
    MakeNode
    WriteText ($Node + '\hold') ($RF_HOLD + "`n")
    NodeHold
} else {
    Remove ($Node + '\hold')
    # nothing else may be there
    foreach ($folder in @($Node, $Root)) { try { [IO.Directory]::Delete($folder) } catch { $null = $_ } }
}
