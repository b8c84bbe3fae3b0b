# needs: lib
# values: HOLDER
# A holder is alive while its connection to this host is open, identified by the addresses and ports of both ends.
function PlainAddress($end) { return ($end.Address.ToString() -replace '%.*', '') + ' ' + $end.Port }
function IsOpen($ends) {
    $network = [Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties()
    foreach ($open in $network.GetActiveTcpConnections()) {
        $these = (PlainAddress $open.RemoteEndPoint) + ' ' + (PlainAddress $open.LocalEndPoint)
        if ($these -eq $ends -and $open.State -eq 'Established') { return $true }
    }
    return $false
}
# Only the run that has this file open (exclusively) may read and write the lock.
function OpenGate {
    $tries = 0
    while ($true) {
        try { return [IO.File]::Open($Node + '\lock.gate', 'OpenOrCreate', 'ReadWrite', 'None') }
        catch { if ($tries -gt 200) { Fail ('cannot make the lock ' + $Node + '\lock.gate: ' + $_) 'does another program hold it? look at: tasklist' } }
        $tries = $tries + 1
        Nap 100
    }
}
MakeNode
$mine = ([string]$env:SSH_CONNECTION -replace '%\S*', '').Trim()
if (-not $mine) { $mine = '- - - -' }
$gate = OpenGate
$held = @((ReadText ($Node + '\lock')) -split ' ', 5)
$stale = ''
$shared = $false
if ($held.Count -eq 5) {
    $ends = $held[0..3] -join ' '
    # a run within a hook has the holder of the run that started it, and takes part in its lock
    $shared = $ends -ne $mine -and $held[4] -eq $RF_HOLDER -and (IsOpen $ends)
    if (-not $shared -and $ends -ne $mine -and (IsOpen $ends)) {
        $gate.Close()
        Emit 'held' ($held[4])
        Finish 0
    }
    if (-not $shared) { $stale = $held[4] }
}
if (-not $shared) { WriteText ($Node + '\lock') ($mine + ' ' + $RF_HOLDER) }
$gate.Close()
if ($stale) { Emit 'stale' $stale }
if (-not $shared) { Emit 'locked' 1 }
