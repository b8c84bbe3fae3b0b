# needs: lib envs files node
# values: DAYS FILES MAX MODE PRUNER PRUNER_WINDOWS
# As disk.sh: what takes up space, and with the mode clean the removal of what nothing needs.
function Item($kind, $state, $size, $what) { EmitText 'item' @($kind + ' ' + $state + ' ' + [string]$size + ' ' + $what) }
function SizeBelow($folder) {
    $size = 0
    foreach ($path in [IO.Directory]::GetFiles($folder, '*', 'AllDirectories')) { $size = $size + [IO.FileInfo]::new($path).Length }
    return $size
}
function DiskRays {
    Step "looking at Ray's folders"
    $run = NodeRays $RF_PRUNER $RF_PRUNER_WINDOWS @($RF_MODE, $RF_MAX, $RF_DAYS, $RF_FILES)
    EndRun $run
    if ($run.Code -ne 0) {
        Emit 'unread' (@(LastOf (LinesOf $run.Errors) 1) -join '')
        return
    }
    EmitText 'item' (LinesOf $run.Said)
}
# Whether a process runs a program from this folder.
function EnvBusy($folder) {
    foreach ($name in @('python', 'pythonw', 'ray', 'raylet', 'gcs_server')) {
        foreach ($process in [Diagnostics.Process]::GetProcessesByName($name)) {
            try { if ($process.MainModule.FileName.StartsWith($folder + '\', 'OrdinalIgnoreCase')) { return $true } } catch { $null = $_ }
        }
    }
    return $false
}
function DiskEnvironments {
    if (-not [IO.Directory]::Exists($Envs)) { return }
    $kept = (ReadText ($Node + '\env')).Trim()
    foreach ($folder in [IO.Directory]::GetDirectories($Node + '\envs', '*')) {
        $used = [IO.Path]::GetFileName($folder) -eq $kept
        if (-not $used) { $used = EnvBusy $folder }
        if ($used -and $RF_MODE -ne 'sizes') { continue }
        $size = SizeBelow $folder
        $state = 'old'
        if ($used) { $state = 'used' }
        elseif ($RF_MODE -eq 'clean') {
            try { RemoveTree $folder } catch { $null = $_ }
            $state = 'removed'
            if ([IO.Directory]::Exists($folder)) { $state = 'left' }
        }
        Item 'environments' $state $size $folder
    }
    if ($RF_MODE -eq 'sizes' -and [IO.Directory]::Exists($Root + '\.store')) {
        Item 'environments' 'used' (SizeBelow ($Root + '\.store')) ($Root + '\.store')
    }
}
# What an interrupted download has left, and nobody has gone on with for an hour.
function DiskDownloads {
    $since = [DateTime]::UtcNow.AddHours(-1)
    foreach ($folder in @(($Root + '\.store'), $Node)) {
        if (-not [IO.Directory]::Exists($folder)) { continue }
        foreach ($path in [IO.Directory]::GetFiles($folder, '*.part')) {
            if ([IO.File]::GetLastWriteTimeUtc($path) -ge $since) { continue }
            $size = [IO.FileInfo]::new($path).Length
            $state = 'old'
            if ($RF_MODE -eq 'clean') {
                $state = 'removed'
                try { Remove $path } catch { $state = 'left' }
            }
            Item 'downloads' $state $size $path
        }
    }
}
if ((NodeService) -ne 'none') { DiskRays }
Step 'looking at environments'
DiskEnvironments
DiskDownloads
foreach ($drive in [IO.DriveInfo]::GetDrives()) {
    if (-not $drive.IsReady) { continue }
    $free = [string]$drive.AvailableFreeSpace + ' ' + [string]$drive.TotalSize
    if ((NodeTemp).StartsWith($drive.Name)) { EmitText 'free' @('ray ' + $free) }
    if ($UserHome.StartsWith($drive.Name)) { EmitText 'free' @('home ' + $free) }
}
