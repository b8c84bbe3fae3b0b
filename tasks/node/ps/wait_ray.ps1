# Waits until `ray start` says that it has started.
function WaitRay {
    $began = [DateTime]::UtcNow
    $shown = 0
    while ($true) {
        $log = @(NodeLog '')
        if (($log -join "`n") -match 'Ray runtime started') { break }
        $passed = [int]([DateTime]::UtcNow - $began).TotalSeconds
        if ($passed -gt $shown) {
            $shown = $passed
            Step ('waiting for Ray, ' + $passed + ' s')
            $tries = NodeTries
            if ($passed -ge [int]$RF_START_TIMEOUT -or $tries -ge 2) {
                EmitText 'log' (LastOf (NodeLogBefore) 25)
                NodeDown
                if ($passed -ge [int]$RF_START_TIMEOUT) { Fail ('Ray did not start within ' + $RF_START_TIMEOUT + ' s') }
                Fail 'ray start failed twice'
            }
        }
        Nap 300
    }
    if (($log -join "`n") -match "--address='[^']+'") { EmitText 'address' @($Matches[0]) }
    # now, since after a crash or a reboot there is another one
    NoteSessions
    Emit 'started' 1
}
