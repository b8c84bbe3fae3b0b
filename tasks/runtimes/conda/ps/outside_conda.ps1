# needs: lib files
# What conda has outside of the node's folder: the name for `conda activate`, and a conda that this project installed.
# Both marks are needed: somebody may have put a conda of their own there since.
function CondaIsOurs($prefix) {
    if (-not [IO.File]::Exists($prefix + '\.rayfab')) { return $false }
    return -not (@(LinesOf (ReadText ($Root + '\.conda'))) -notcontains $prefix)
}
# Records that the user's folder does not exist yet; the last `destroy` removes it if it is empty.
function CondaHome {
    if (-not [IO.Directory]::Exists($UserHome + '\.conda')) { WriteText ($Root + '\.made-conda') '' }
}
# Removes a folder, and all below it, from conda's list of environments in the user's home.
function CondaForget($gone) {
    $file = $UserHome + '\.conda\environments.txt'
    $kept = ''
    $known = $false
    foreach ($line in (LinesOf (ReadText $file))) {
        if (($line + '\').ToLower().StartsWith(($gone + '\').ToLower())) { $known = $true }
        else { $kept = $kept + $line + "`r`n" }
    }
    if (-not $known) { return }
    if ($kept) { WriteText $file $kept } else { Remove $file }
}
# Makes `conda activate NAME` work with any conda, without changing one: by a junction, which needs no privilege.
function CondaLink($name, $target) {
    CondaUnlink
    $folder = $UserHome + '\.conda\envs'
    $link = $folder + '\' + $name
    $taken = ''
    if ([IO.Directory]::Exists($link) -or [IO.File]::Exists($link)) { $taken = $link }
    foreach ($line in (LinesOf (ReadText ($UserHome + '\.conda\environments.txt')))) {
        if ($line.ToLower().EndsWith('\' + $name.ToLower())) { $taken = $line }
    }
    if ($taken) {
        Emit 'note' ('there is another conda environment ' + $name + ' (' + $taken + '); this one is: conda activate ' + $target)
        return
    }
    CondaHome
    $null = [IO.Directory]::CreateDirectory($folder)
    $null = New-Item -ItemType Junction -Path $link -Target $target
    WriteText ($Node + '\conda-link') $link
}
function CondaUnlink {
    $link = (ReadText ($Node + '\conda-link')).Trim()
    if (-not $link) { return }
    # not recursive: only the junction is deleted, never a folder that took its place
    try {
        [IO.Directory]::Delete($link)
        CondaForget $link
    } catch { $null = $_ }
    Remove ($Node + '\conda-link')
}
# Runs an NSIS program: its last argument must be at the end of the line, unquoted.
function RunLast($text, $file, $arguments, $last) {
    $script:LastArgument = ' ' + $last
    try { return Busy $text $file $arguments } finally { $script:LastArgument = '' }
}
# Removes a conda that this project installed if $purge is set; it stays while it has other environments.
function CondaPurge($others, $purge) {
    $left = ''
    foreach ($prefix in (LinesOf (ReadText ($Root + '\.conda')))) {
        if (-not (CondaIsOurs $prefix)) { continue }
        $why = ''
        if ([IO.Directory]::Exists($prefix + '\envs')) {
            foreach ($name in [IO.Directory]::GetDirectories($prefix + '\envs', '*')) { $why = $why + ' ' + [IO.Path]::GetFileName($name) }
        }
        if ($why) { $why = ' (it holds environments:' + $why + ')' }
        if ($others) { $why = ' (another cluster is on this host)' }
        if (-not $purge -or $why) {
            if (-not $purge) { $why = '' }
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
# When the node has started from the environment in $folder; its name is in $CondaName, from conda_name.ps1.
function CondaEntered($folder) { if ($CondaName) { CondaLink $CondaName $folder } else { CondaUnlink } }
# When the node is removed.
function CondaLeft {
    CondaUnlink
    CondaForget $Node
}
# What clusters share. $others: whether another cluster is on this host, $purge: whether a conda is to be removed.
function CondaShared($others, $purge) {
    CondaPurge $others $purge
    if ($others) { return }
    if ([IO.File]::Exists($Root + '\.made-conda')) {
        foreach ($folder in @('\.conda\envs', '\.conda')) {
            try { [IO.Directory]::Delete($UserHome + $folder) } catch { $null = $_ }
        }
    }
    foreach ($name in @('\.made-conda', '\.conda-installing')) { Remove ($Root + $name) }
}
