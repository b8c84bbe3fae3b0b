# needs: lib
# The environments of this node.
$Envs = $Node + '\envs\'
$EnvFound = @{ Changes = @() }
# pip's and conda's own records of the packages in an environment.
function EnvRecords($folder) {
    $site = $folder + '\Lib\site-packages'
    if ([IO.Directory]::Exists($site)) {
        foreach ($path in [IO.Directory]::GetDirectories($site, '*.dist-info')) {
            if ([IO.File]::Exists($path + '\METADATA')) { 'Lib/site-packages/' + [IO.Path]::GetFileName($path) + '/METADATA' }
        }
    }
    if ([IO.Directory]::Exists($folder + '\conda-meta')) {
        foreach ($path in [IO.Directory]::GetFiles($folder + '\conda-meta', '*.json')) { 'conda-meta/' + [IO.Path]::GetFileName($path) }
    }
}
# Whether an environment is complete: of each package that was installed, all files are there. A package that its user
# has removed or replaced is no fault, except Python and Ray. $EnvFound.Changes: those packages, by their records.
function EnvWhole($folder) {
    $EnvFound['Changes'] = @()
    if (-not [IO.File]::Exists($folder + '\.complete')) { return $false }
    $known = @{}
    $listed = $false
    $there = @{}
    $changes = @()
    foreach ($line in (LinesOf (ReadText ($folder + '\.owners')))) {
        $parts = @($line -split "`t")
        $known[$parts[1]] = $true
        $listed = $true
        if ($parts[0] -eq '~' -or [IO.File]::Exists($folder + '\' + $parts[1])) { continue }
        if ($parts[0] -eq '.') { return $false }
        if (-not $there.ContainsKey($parts[0])) { $there[$parts[0]] = [IO.File]::Exists($folder + '\' + $parts[0]) }
        if ($there[$parts[0]] -or $parts[0] -match '(/ray-[^/]*\.dist-info/METADATA|conda-meta/python-[0-9][^/]*)\z') { return $false }
        if ($parts[0] -eq $parts[1]) { $changes = $changes + ('- ' + $parts[1]) }
    }
    if ($listed) {
        foreach ($record in (EnvRecords $folder)) { if (-not $known.ContainsKey($record)) { $changes = $changes + ('+ ' + $record) } }
    }
    $EnvFound['Changes'] = $changes
    return ([IO.File]::Exists($folder + '\python.exe') -and [IO.File]::Exists($folder + '\Scripts\ray.exe'))
}
function EnvFacts {
    if (-not [IO.Directory]::Exists($Node + '\envs')) { return }
    foreach ($folder in [IO.Directory]::GetDirectories($Node + '\envs', '*')) {
        if (EnvWhole $folder) {
            Emit 'env' ([IO.Path]::GetFileName($folder))
            EmitText 'env_changes' $EnvFound.Changes
        }
    }
    EmitText 'requirements' (LinesOf (ReadText ($Envs + (ReadText ($Node + '\env')).Trim() + '\requirements.lock')))
}
