# needs: lib files node outside_*
# values: OUTSIDE PURGE
# Removes all that this cluster has put on this host, and nothing else.
# the lock belongs to this run
$ours = @()
if ([IO.Directory]::Exists($Node)) {
    foreach ($path in [IO.Directory]::GetFileSystemEntries($Node)) {
        if ($path -notmatch '\\lock(\.gate)?\z') { $ours = $ours + $path }
    }
}
$others = $false
if ([IO.Directory]::Exists($Root)) {
    foreach ($folder in [IO.Directory]::GetDirectories($Root, '*')) {
        if ($folder -eq $Node) { continue }
        if ([IO.File]::Exists($folder + '\service') -or [IO.Directory]::Exists($folder + '\envs')) { $others = $true }
    }
}
# Removes what clusters share, with the last cluster, except what a runtime keeps.
function Shared {
    foreach ($name in ($RF_OUTSIDE -split ' ')) { & ($name + 'Shared') $others $RF_PURGE }
    if ($others) { return }
    foreach ($name in @('\.store', '\.cache', '\.uv')) { RemoveTree ($Root + $name) }
    Remove ($Root + '\.ca.pem')
    # what is left is what a runtime keeps, or the lock of this run
    try { [IO.Directory]::Delete($Root) } catch { $null = $_ }
}
$Changed = 0
if ($ours.Count -eq 0) {
    Shared
    Emit 'changed' $Changed
    Finish 0
}
$temp = NodeTemp
if ((NodeService) -ne 'none') {
    NeedNode
    Step 'stopping Ray'
    NoteSessions
    NodeDown
    Step 'removing files'
    NodeGone
}
foreach ($name in (LinesOf (ReadText ($Node + '\sessions')))) {
    if ($name -notmatch '^session_[0-9_-]+$') { continue }
    $path = $temp + '\' + $name
    try { if ([IO.Directory]::Exists($path)) { [IO.Directory]::Delete($path, $true) } }
    catch { Emit 'left' $path }
}
if ([IO.Directory]::Exists($temp)) {
    # what the watch in a container has written
    try { [IO.File]::Delete($temp + '\' + $Unit + '.json') } catch { $null = $_ }
    if ([IO.Directory]::GetDirectories($temp, 'session_2*').Count -eq 0) {
        foreach ($name in @('session_latest', 'ray_current_cluster', 'prom_metrics_service_discovery.json', 'tmp_prom_metrics_service_discovery.json')) {
            try { [IO.File]::Delete($temp + '\' + $name) } catch { $null = $_ }
        }
    }
    try {
        [IO.Directory]::Delete($temp)
        if ([IO.File]::Exists($Node + '\made-tmp')) { [IO.Directory]::Delete([IO.Path]::GetDirectoryName($temp)) }
    } catch { $null = $_ }
}
foreach ($name in ($RF_OUTSIDE -split ' ')) { & ($name + 'Left') }
try { RemoveTree $Node } catch { Fail ('cannot remove ' + $Node + ': ' + $_) 'a program of its environment may still run: look at tasklist' }
Shared
Emit 'changed' 1
