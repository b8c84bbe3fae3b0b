# needs: lib conda docker files node
# values: PURGE
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
# Removes what clusters share, with the last cluster.
function CondaGone {
    if ([IO.File]::Exists($Root + '\.made-conda')) {
        foreach ($folder in @('\.conda\envs', '\.conda')) {
            try { [IO.Directory]::Delete($UserHome + $folder) } catch { $null = $_ }
        }
    }
    foreach ($name in @('\.store', '\.cache', '\.uv')) { RemoveTree ($Root + $name) }
    foreach ($name in @('\.made-conda', '\.conda-installing', '\.ca.pem')) { Remove ($Root + $name) }
}
# Removes a conda that this project installed if PURGE is set; it stays while it has other environments.
function CondaPurge($others) {
    $left = ''
    foreach ($prefix in (LinesOf (ReadText ($Root + '\.conda')))) {
        if (-not (CondaIsOurs $prefix)) { continue }
        $why = ''
        if ([IO.Directory]::Exists($prefix + '\envs')) {
            foreach ($name in [IO.Directory]::GetDirectories($prefix + '\envs', '*')) { $why = $why + ' ' + [IO.Path]::GetFileName($name) }
        }
        if ($why) { $why = ' (it holds environments:' + $why + ')' }
        if ($others) { $why = ' (another cluster is on this host)' }
        if (-not $RF_PURGE -or $why) {
            if (-not $RF_PURGE) { $why = '' }
            Emit 'kept' ('conda stays in ' + $prefix + $why)
            $left = $left + $prefix + "`n"
            continue
        }
        foreach ($file in [IO.Directory]::GetFiles($prefix, 'Uninstall-*.exe')) {
            # _?= must be last and unquoted; it makes the uninstaller wait until it has finished
            $null = RunLast ('removing ' + $prefix) $file @('/S') ('_?=' + $prefix)
        }
        try { RemoveTree $prefix } catch { Fail ('cannot remove ' + $prefix + ': ' + $_) }
        CondaForget $prefix
        $script:Changed = 1
    }
    if ($left) { WriteText ($Root + '\.conda') $left } else { Remove ($Root + '\.conda') }
}
function Shared {
    CondaPurge $others
    if ($others) { return }
    CondaGone
    # what is left is a conda that stays, or the lock of this run
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
    $docker = (NodeService) -eq 'docker'
    if ($docker) { NeedDocker }
    Step 'stopping Ray'
    NoteSessions
    NodeDown
    Step 'removing files'
    if ($docker) {
        $run = Dk @('rm', '-f', '-v', $Unit) ''
        if ($run.Code -ne 0 -and (Dk @('ps', '-aq', '-f', ('name=^/' + $Unit + '$')) '').Said.Trim()) {
            Fail ('cannot remove the container ' + $Unit) 'look at: docker ps -a'
        }
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
        foreach ($name in @('session_latest', 'ray_current_cluster', 'prom_metrics_service_discovery.json', 'tmp_prom_metrics_service_discovery.json')) {
            try { [IO.File]::Delete($temp + '\' + $name) } catch { $null = $_ }
        }
    }
    try {
        [IO.Directory]::Delete($temp)
        if ([IO.File]::Exists($Node + '\made-tmp')) { [IO.Directory]::Delete([IO.Path]::GetDirectoryName($temp)) }
    } catch { $null = $_ }
}
CondaUnlink
CondaForget $Node
try { RemoveTree $Node } catch { Fail ('cannot remove ' + $Node + ': ' + $_) 'a program of its environment may still run: look at tasklist' }
Shared
Emit 'changed' 1
