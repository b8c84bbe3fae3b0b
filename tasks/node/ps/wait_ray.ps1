# needs: lib node
# values: START_TIMEOUT
# Waits until `ray start` reports success.
function WaitRay {
    $began = [DateTime]::UtcNow
    $shown = 0
    while ($true) {
        $log = @(NodeLog)
        if (($log -join "`n") -match 'Ray runtime started') { break }
        $passed = [int]([DateTime]::UtcNow - $began).TotalSeconds
        if ($passed -gt $shown) {
            $shown = $passed
            Step ('waiting for Ray, ' + $passed + ' s')
            $tries = NodeTries
            if ($passed -ge [int]$RF_START_TIMEOUT -or $tries -ge 2) {
                EmitText 'log' (LastOf (NodeLogBefore) 25)
                NodeDown
                if ($passed -ge [int]$RF_START_TIMEOUT) { Fail ('Ray did not start within ' + $RF_START_TIMEOUT + ' s') 'fab logs --component start,raylet,gcs shows more of the log' }
                Fail 'ray start failed twice' 'fab logs --component start,raylet,gcs shows more of the log'
            }
        }
        Nap 300
    }
    if (($log -join "`n") -match "--address='[^']+'") { EmitText 'address' @($Matches[0]) }
    # recorded now, because a restart after a crash or a reboot has another session
    NoteSessions
    Emit 'started' 1
}
