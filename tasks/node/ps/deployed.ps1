# needs: lib
# values: DEPLOYED
# What this head remembers of the hosts that were deployed. A failure must not keep the lock.
try {
    if ($RF_DEPLOYED) { WriteText ($Node + '\deployed.json') ($RF_DEPLOYED + "`n") }
    else { Remove ($Node + '\deployed.json') }
} catch { $null = $_ }
