# needs: lib conda envs files kind_task node outside_conda store
# values: ACCEPT_TERMS CONDA CONDA_KIND ENV_ID INDEX INSTALLER ITEMS LOCK NO_PROXY_FOR OWNERS PREFIX PROXY PYTHON_VERSION UV_VERSION UV_WHEEL
# Installs conda if needed, an environment from the store's files, and PyPI's packages in it; all offline.
$files = @{ conda = @(); wheel = @(); sdist = @() }
$sums = @{}
foreach ($line in (LinesOf $RF_ITEMS)) {
    $arguments = @($line -split ' ')
    if ($files.ContainsKey($arguments[0])) { $files[$arguments[0]] = $files[$arguments[0]] + $arguments[1] }
    $sums[$arguments[1]] = $arguments[2]
}
# a file that was fetched by an earlier run may have been damaged since
Step 'checking packages'
$damaged = 0
foreach ($name in $sums.Keys) {
    if ((SumOf ($Store + '\' + $name)) -eq $sums[$name]) { continue }
    Remove ($Store + '\' + $name)
    $damaged = $damaged + 1
}
if ($damaged) {
    Fail ('' + $damaged + ' of the packages in the store were damaged') 'they are removed; fab deploy-cluster downloads them again'
}
function LastLines($run) { EmitText 'log' (LastOf (LinesOf ($run.Said + "`n" + $run.Errors)) 25) }
function CheckDisk($run) {
    if (($run.Said + $run.Errors) -match 'No space left|not enough space|disk full|WinError 112') {
        Fail 'the disk is full' ('free some space below ' + $UserHome)
    }
}
$conda = [string]$RF_CONDA
$kind = [string]$RF_CONDA_KIND
if (-not $conda) {
    $kind = 'conda'
    $prefix = OwnPath $RF_PREFIX
    $conda = $prefix + '\Scripts\conda.exe'
    $state = CondaState $prefix
    if ($state -eq 'foreign') {
        Fail ($prefix + ' exists, but is not a working conda') 'remove it, or set conda.prefix to another folder'
    }
    if ($state -eq 'absent' -or $state -eq 'broken') {
        if (-not $RF_INSTALLER) { Fail 'there is no conda on this host, and no installer' 'conda.installer' }
        # so that an interrupted installation is recognised
        WriteText ($Root + '\.conda-installing') $prefix
        CondaHome
        if ($state -eq 'broken') { RemoveTree $prefix }
        $run = RunLast ('installing conda into ' + $prefix) ($Store + '\' + $RF_INSTALLER) @('/InstallationType=JustMe', '/RegisterPython=0', '/AddToPath=0', '/S') ('/D=' + $prefix)
        if ($run.Code -ne 0 -or -not (CondaVersion $conda)) {
            LastLines $run
            CheckDisk $run
            Fail ("conda's installer failed with status " + $run.Code) ('run it by hand on that host: ' + $Store + '\' + $RF_INSTALLER)
        }
        WriteText ($prefix + '\.rayfab') ''
        CondaForget $prefix
        if (@(LinesOf (ReadText ($Root + '\.conda'))) -notcontains $prefix) {
            WriteText ($Root + '\.conda') ((ReadText ($Root + '\.conda')) + $prefix + "`n")
        }
        Remove ($Root + '\.conda-installing')
    }
}
# a running program cannot be replaced
if ([IO.Directory]::Exists($folder) -and (LoopPid)) {
    Step 'stopping Ray: its environment is repaired'
    NodeDown
}
RemoveTree $folder
$list = $Node + '\explicit.txt'
$lines = '@EXPLICIT'
foreach ($name in $files.conda) { $lines = $lines + "`n" + (UrlOf ($Store + '\' + $name)) }
WriteText $list ($lines + "`n")
$arguments = @('create', '-y', '-q', '--offline')
if ($kind -eq 'micromamba') { $arguments = $arguments + '--no-rc' } else { $arguments = $arguments + @('--override-channels', '-c', (UrlOf $Store), '--no-default-packages') }
# the name of the setting changed; conda fails if both are set
$setting = 'CONDA_ALLOWLIST_CHANNELS'
if ($kind -eq 'conda' -and (CondaVersion $conda) -match '^(1?[0-9]|2[0-3])\.') { $setting = 'CONDA_WHITELIST_CHANNELS' }
$null = [IO.Directory]::CreateDirectory($Root + '\.cache\conda\home')
CondaHere $conda
$Surroundings['CONDA_PLUGINS_AUTO_ACCEPT_TOS'] = $RF_ACCEPT_TERMS
$Surroundings['CONDA_SUBDIR'] = 'win-64'
$Surroundings[$setting] = UrlOf $Store
$run = Busy 'making the environment' $conda ($arguments + @('-p', $folder, '--file', $list))
Remove $list
CondaForget $folder
$python = $folder + '\python.exe'
if ($run.Code -ne 0 -or -not [IO.File]::Exists($python)) {
    LastLines $run
    CheckDisk $run
    # conda says what is wrong first, and explains it after that
    $why = ''
    foreach ($line in (LinesOf ($run.Said + "`n" + $run.Errors))) {
        if (-not $why -and $line -match '^ *[A-Za-z_.]+(Error|NotAllowed|NotFound)(\(|: )') { $why = ': ' + $line.Trim() }
    }
    Fail ('conda cannot make the environment ' + $RF_ENV_ID + $why) 'look at the lines above'
}
# from here on its own Python is used, with its libraries
$Surroundings['PATH'] = $folder + ';' + $folder + '\Library\bin;' + $folder + '\Scripts;' + $env:PATH
$run = Run $python @('-V') ''
$said = ($run.Said + $run.Errors).Trim()
if ($said -ne 'Python ' + $RF_PYTHON_VERSION) { Fail ('the environment has ' + $said + ', not Python ' + $RF_PYTHON_VERSION) 'conda list shows what it has; fab deploy-cluster makes it again once its folder is removed' }
# unpacks uv from its wheel; if uv does not run, pip installs the packages
$uv = $Root + '\.uv\' + $RF_UV_VERSION + '\uv.exe'
if ($RF_UV_WHEEL -and -not [IO.File]::Exists($uv)) {
    $null = [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($uv))
    $open = 'import os,sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); n=[n for n in z.namelist() if n.endswith("/scripts/uv.exe")][0]; open(sys.argv[2]+".part","wb").write(z.read(n)); os.replace(sys.argv[2]+".part",sys.argv[2])'
    $null = Run $python @('-c', $open, ($Store + '\' + $RF_UV_WHEEL), $uv) ''
}
$Surroundings['UV_CACHE_DIR'] = $Root + '\.cache\uv'
$Surroundings['UV_NO_PROGRESS'] = '1'
$Surroundings['UV_NO_CONFIG'] = '1'
$Surroundings['PIP_CONFIG_FILE'] = 'nul'
$Surroundings['PIP_DISABLE_PIP_VERSION_CHECK'] = '1'
$Surroundings['VIRTUAL_ENV'] = ''
$works = $false
if ([IO.File]::Exists($uv)) {
    try { $works = (Run $uv @('--version') '').Said -match ('^uv ' + [regex]::Escape($RF_UV_VERSION) + '\b') } catch { $null = $_ }
}
function Install($text, $more) {
    if (-not $text) { return }
    WriteText $list $text
    if ($works) { $run = Busy 'installing packages' $uv (@('pip', 'install', '--quiet', '--no-deps', '--python', $python, '-r', $list) + $more) }
    else { $run = Busy 'installing packages' $python (@('-m', 'pip', 'install', '--quiet', '--no-input', '--no-deps', '-r', $list) + $more) }
    Remove $list
    if ($run.Code -ne 0) {
        LastLines $run
        CheckDisk $run
        $hint = ''
        if (($run.Said + $run.Errors) -match 'too long|WinError 206|Long Path') {
            $hint = 'as administrator: Set-ItemProperty HKLM:\SYSTEM\CurrentControlSet\Control\FileSystem LongPathsEnabled 1'
        }
        Fail 'cannot install the packages' $hint
    }
}
# pip gets package and version; the sum selects exactly this file
$text = ''
foreach ($name in $files.wheel) {
    $parts = @($name -split '-')
    $text = $text + $parts[0] + '==' + $parts[1] + ' --hash=sha256:' + $sums[$name] + "`n"
}
Install $text @('--no-index', '--require-hashes', '--find-links', $Store)
$text = ''
foreach ($name in $files.sdist) { $text = $text + (UrlOf ($Store + '\' + $name)) + "`n" }
if ($text) {
    if ($RF_PROXY) {
        foreach ($name in @('HTTP_PROXY', 'HTTPS_PROXY')) { $Surroundings[$name] = $RF_PROXY }
        $Surroundings['NO_PROXY'] = [string]$RF_NO_PROXY_FOR
    }
    $more = @()
    if ($RF_INDEX) { $more = @('--index-url', $RF_INDEX) }
    Install $text $more
}
if (-not [IO.File]::Exists($folder + '\Scripts\ray.exe')) { Fail 'the packages do not include ray' 'add ray to conda.packages' }
WriteText ($folder + '\requirements.lock') $RF_LOCK
$run = Run $python @('-c', $RF_OWNERS, $folder) ''
if ($run.Code -ne 0) {
    LastLines $run
    Fail ('cannot list the files of ' + $folder) ('free some space below ' + $UserHome)
}
WriteText ($folder + '\.complete') ''
Emit 'changed' 1
