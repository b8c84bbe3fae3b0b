# Everything of this cluster's leaves this host, and nothing else does.
# the lock is this run's own
$ours = @()
if ([IO.Directory]::Exists($Node)) {
    foreach ($path in [IO.Directory]::GetFileSystemEntries($Node)) {
        if ($path -notmatch '\\lock(\.gate)?\z') { $ours = $ours + $path }
    }
}
if ($ours.Count -eq 0) {
    Emit 'changed' 0
    Finish 0
}
$temp = NodeTemp
if ((NodeService) -ne 'none') {
    NeedDocker
    Step 'stopping Ray'
    NoteSessions
    NodeDown
    Step 'removing files'
    $run = Dk @('rm', '-f', '-v', $RF_UNIT) ''
    if ($run.Code -ne 0 -and (Dk @('ps', '-aq', '-f', ('name=^/' + $RF_UNIT + '$')) '').Said.Trim()) {
        Fail ('cannot remove the container ' + $RF_UNIT) 'look at: docker ps -a'
    }
}
foreach ($name in (LinesOf (ReadText ($Node + '\sessions')))) {
    if ($name -notmatch '^session_[0-9_-]+$') { continue }
    $path = $temp + '\' + $name
    try { if ([IO.Directory]::Exists($path)) { [IO.Directory]::Delete($path, $true) } }
    catch { Emit 'left' $path }
}
if ([IO.Directory]::Exists($temp)) {
    if ([IO.Directory]::GetDirectories($temp, 'session_2*').Count -eq 0) {
        foreach ($name in @('session_latest', 'ray_current_cluster', 'prom_metrics_service_discovery.json')) {
            try { [IO.File]::Delete($temp + '\' + $name) } catch { $null = $_ }
        }
    }
    try {
        [IO.Directory]::Delete($temp)
        if ([IO.File]::Exists($Node + '\made-tmp')) { [IO.Directory]::Delete([IO.Path]::GetDirectoryName($temp)) }
    } catch { $null = $_ }
}
try { [IO.Directory]::Delete($Node, $true) } catch { Fail ('cannot remove ' + $Node + ': ' + $_) }
try { [IO.Directory]::Delete($Root) } catch { $null = $_ }
Emit 'changed' 1
