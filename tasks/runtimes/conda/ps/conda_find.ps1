# needs: lib conda
# values: CONDA_PREFIX_WANTED
# Looks for condas on PATH and in the usual folders.
function CondaKind($file) {
    if ($file -match '\\micromamba\.exe\z') { return 'micromamba' }
    if ($file -match '\\mamba\.exe\z') { return 'mamba' }
    return 'conda'
}
# Every file that may be a conda, in order of preference; conda.prefix comes first.
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
    # every environment that a conda has made, base environments included
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
CondaFacts
