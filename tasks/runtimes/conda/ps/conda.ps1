# needs: lib outside_conda
# What conda scripts share: running conda, and what state it is in.
# A path of the hosts file; one without a drive is in the user's home folder.
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
    # nobody's settings count: an empty variable counts as none, and the home folder is conda's own
    foreach ($name in @('PYTHONPATH', 'PYTHONHOME', 'CONDARC', 'CONDA_PREFIX', 'CONDA_DEFAULT_ENV', 'CONDA_SHLVL', 'CONDA_CHANNELS', 'CONDA_SUBDIR', 'CONDA_SOLVER', 'CONDA_DEFAULT_CHANNELS', 'XDG_CONFIG_HOME')) { $Surroundings[$name] = '' }
    $Surroundings['USERPROFILE'] = $cache + '\home'
    $Surroundings['CONDA_OVERRIDE_CHANNELS_ENABLED'] = 'true'
    $Surroundings['CONDA_SSL_VERIFY'] = 'true'
    $Surroundings['CONDA_CHANNEL_PRIORITY'] = 'flexible'
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
function CondaRun($file, $arguments) {
    CondaHere $file
    return Run $file $arguments ''
}
# The version of a conda, or '' if it prints none.
function CondaVersion($file) {
    if (-not [IO.File]::Exists($file)) { return '' }
    try { $run = CondaRun $file @('--version') } catch { return '' }
    if ($run.Code -eq 0 -and ($run.Said + "`n" + $run.Errors) -match '(?m)^(conda |mamba )?([0-9][0-9.a-z]*)\r?$') {
        # an older conda does not know the format of today's packages
        $version = $Matches[2]
        if ($Matches[1] -eq 'conda ' -and $version -match '^([0-3]\.|4\.[0-6](\.|\z))') { return '' }
        return $version
    }
    return ''
}
# absent, ours, found (works, not ours), broken (ours), foreign (no working conda)
function CondaState($prefix) {
    if (-not [IO.Directory]::Exists($prefix)) {
        if ([IO.File]::Exists($prefix)) { return 'foreign' }
        return 'absent'
    }
    if ([IO.Directory]::GetFileSystemEntries($prefix).Length -eq 0) { return 'absent' }
    $ours = CondaIsOurs $prefix
    $works = CondaVersion ($prefix + '\Scripts\conda.exe')
    # the installer writes its uninstaller last; without one our installation was interrupted
    $began = (ReadText ($Root + '\.conda-installing')).Trim() -eq $prefix
    if ($began -and ([IO.Directory]::GetFiles($prefix, 'Uninstall-*.exe').Length -eq 0 -or -not $works)) { return 'broken' }
    if ($works) {
        if ($ours) { return 'ours' }
        return 'found'
    }
    if ($ours) { return 'broken' }
    return 'foreign'
}
