# What a script about conda knows: the store, where conda may be, whose it is, and what it leaves in ~\.conda.
$Store = $Root + '\.store'
# A path as the hosts file has it; one without a drive lies in the user's home.
function OwnPath($path) {
    $plain = $path -replace '/', '\'
    if ($plain -notmatch '^([A-Za-z]:)?\\') { $plain = $UserHome + '\' + $plain }
    return $plain.TrimEnd('\')
}
function UrlOf($path) { return 'file:///' + [Uri]::EscapeUriString(($path -replace '\\', '/')) }
# Runs a conda so that it writes neither into its own folder nor into the user's.
function CondaHere($file) {
    $cache = $Root + '\.cache\conda'
    $base = [IO.Path]::GetDirectoryName([IO.Path]::GetDirectoryName($file))
    $Surroundings['PATH'] = $base + ';' + $base + '\Library\bin;' + $base + '\Scripts;' + $env:PATH
    foreach ($name in @('PYTHONPATH', 'PYTHONHOME', 'CONDA_PREFIX', 'CONDA_DEFAULT_ENV', 'CONDA_SHLVL')) { $Surroundings[$name] = '' }
    foreach ($name in @('REGISTER_ENVS', 'ALWAYS_SOFTLINK', 'ALWAYS_COPY', 'AUTO_UPDATE_CONDA', 'NOTIFY_OUTDATED_CONDA', 'REPORT_ERRORS', 'ANACONDA_ANON_USAGE')) {
        $Surroundings['CONDA_' + $name] = 'false'
    }
    $Surroundings['CONDA_NUMBER_CHANNEL_NOTICES'] = '0'
    $Surroundings['CONDA_PKGS_DIRS'] = $cache + '\pkgs'
    $Surroundings['MAMBA_ROOT_PREFIX'] = $cache + '\mamba'
    $Surroundings['PYTHONNOUSERSITE'] = '1'
    $Surroundings['PYTHONDONTWRITEBYTECODE'] = '1'
    $Surroundings['PYTHONIOENCODING'] = 'utf-8'
}
function CondaRun($file, $words) {
    CondaHere $file
    return Run $file $words ''
}
# '' where it says no version
function CondaVersion($file) {
    if (-not [IO.File]::Exists($file)) { return '' }
    try { $run = CondaRun $file @('--version') } catch { return '' }
    if ($run.Code -eq 0 -and ($run.Said + "`n" + $run.Errors) -match '(?m)^(conda |mamba )?([0-9][0-9.a-z]*)\r?$') { return $Matches[2] }
    return ''
}
function CondaKind($file) {
    if ($file -match '\\micromamba\.exe\z') { return 'micromamba' }
    if ($file -match '\\mamba\.exe\z') { return 'mamba' }
    return 'conda'
}
# Every file that may be a conda, in order of preference; the wanted prefix comes first.
function CondaPlaces($prefix) {
    $prefix + '\Scripts\conda.exe'
    foreach ($file in @($env:CONDA_EXE, $env:MAMBA_EXE)) { if ($file) { $file } }
    $folders = @($env:PATH -split ';')
    $folders = $folders + ([Environment]::GetEnvironmentVariable('Path', 'Machine') -split ';')
    $folders = $folders + ([Environment]::GetEnvironmentVariable('Path', 'User') -split ';')
    foreach ($folder in $folders) {
        $plain = $folder.Trim('"').TrimEnd('\')
        if (-not $plain -or $plain -match '%|\.\.') { continue }
        if ($plain -match '\\condabin\z') { [IO.Path]::GetDirectoryName($plain) + '\Scripts\conda.exe' }
        foreach ($name in @('conda.exe', 'micromamba.exe')) { $plain + '\' + $name }
    }
    foreach ($above in @($UserHome, $env:LOCALAPPDATA, $env:ProgramData, 'C:\tools', 'C:')) {
        if (-not $above) { continue }
        foreach ($name in @('miniconda3', 'anaconda3', 'miniforge3', 'mambaforge')) { $above + '\' + $name + '\Scripts\conda.exe' }
        $above + '\micromamba\micromamba.exe'
    }
    # every environment that a conda has ever made, the bases among them
    foreach ($line in (LinesOf (ReadText ($UserHome + '\.conda\environments.txt')))) {
        if ($line -match '^[A-Za-z]:\\' -and $line -notmatch '\.\.') { $line.TrimEnd('\') + '\Scripts\conda.exe' }
    }
}
function CondaFacts {
    $prefix = OwnPath $RF_CONDA_PREFIX_WANTED
    $seen = @()
    foreach ($file in (CondaPlaces $prefix)) {
        if ($seen -notcontains $file) {
            $seen = $seen + $file
            $version = CondaVersion $file
            if ($version) { Emit 'conda' ((CondaKind $file) + ' ' + $version + ' ' + $file) }
        }
    }
    Emit 'conda_prefix' (CondaState $prefix)
}
# Both are needed: since then somebody may have put a conda of their own there.
function CondaIsOurs($prefix) {
    if (-not [IO.File]::Exists($prefix + '\.rayfab')) { return $false }
    return -not (@(LinesOf (ReadText ($Root + '\.conda'))) -notcontains $prefix)
}
# absent, ours, found (another one that works), broken (ours), foreign
function CondaState($prefix) {
    if (-not [IO.Directory]::Exists($prefix)) {
        if ([IO.File]::Exists($prefix)) { return 'foreign' }
        return 'absent'
    }
    if ([IO.Directory]::GetFileSystemEntries($prefix).Length -eq 0) { return 'absent' }
    $ours = CondaIsOurs $prefix
    $works = CondaVersion ($prefix + '\Scripts\conda.exe')
    # the installer writes its counterpart last; without it ours was interrupted
    $began = (ReadText ($Root + '\.conda-installing')).Trim() -eq $prefix
    if ($began -and ([IO.Directory]::GetFiles($prefix, 'Uninstall-*.exe').Length -eq 0 -or -not $works)) { return 'broken' }
    if ($works) {
        if ($ours) { return 'ours' }
        return 'found'
    }
    if ($ours) { return 'broken' }
    return 'foreign'
}
# A folder of the user's that is not there yet; the last cluster takes it away if it is empty again.
function CondaHome {
    if (-not [IO.Directory]::Exists($UserHome + '\.conda')) { WriteText ($Root + '\.made-conda') '' }
}
# Takes a folder, and what lies below it, out of the list of environments that conda keeps in the user's home.
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
# `conda activate NAME` works with any conda, and none is changed: a junction, which needs no right of its own.
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
    # without what is in it: only the junction goes, and nothing else that may have come in its place
    try {
        [IO.Directory]::Delete($link)
        CondaForget $link
    } catch { $null = $_ }
    Remove ($Node + '\conda-link')
}
# What is shared by the clusters goes with the last of them.
function CondaGone {
    if ([IO.File]::Exists($Root + '\.made-conda')) {
        foreach ($folder in @('\.conda\envs', '\.conda')) {
            try { [IO.Directory]::Delete($UserHome + $folder) } catch { $null = $_ }
        }
    }
    foreach ($name in @('\.store', '\.cache', '\.uv')) { RemoveTree ($Root + $name) }
    foreach ($name in @('\.made-conda', '\.conda-installing', '\.ca.pem')) { Remove ($Root + $name) }
}
# A conda that was installed here, if that is wanted; never one that somebody works in.
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
            # _?= comes last and without quotes; with it the program waits for itself
            $null = RunLast ('removing ' + $prefix) $file @('/S') ('_?=' + $prefix)
        }
        try { RemoveTree $prefix } catch { Fail ('cannot remove ' + $prefix + ': ' + $_) }
        CondaForget $prefix
        $script:Changed = 1
    }
    if ($left) { WriteText ($Root + '\.conda') $left } else { Remove ($Root + '\.conda') }
}
# A program of NSIS's: its last word goes to the end of the line, never in quotes.
function RunLast($text, $file, $words, $last) {
    $script:LastWord = ' ' + $last
    try { return Busy $text $file $words } finally { $script:LastWord = '' }
}
