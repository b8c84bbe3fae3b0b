# needs: lib files store
# values: BASE CA ITEMS NO_PROXY_FOR PROXY
# Downloads packages into the store: in parallel, resumed, checked. Files that cannot be downloaded are reported as missing,
# and the script ends.
MakeNode
$null = [IO.Directory]::CreateDirectory($Store)
$curl = Tool 'curl'
if (-not [IO.File]::Exists($curl)) {
    $curl = ''
    Emit 'no_tool' 1
}
function SizeOf($path) {
    if ([IO.File]::Exists($path)) { return [IO.FileInfo]::new($path).Length }
    return 0
}
# Servers by name: whether one has ever sent a byte, and how often it has failed since.
$alive = @{}
$bad = @{}
function IsDead($server) {
    if ($alive[$server]) { return $bad[$server] -ge 24 }
    return $bad[$server] -ge 16
}
# Starts the next try for a file, unless it is complete or cannot be downloaded.
function NextTry($item) {
    $part = $item.Path + '.part'
    while ($true) {
        $item.Have = SizeOf $part
        if ($item.Have -eq $item.Size -and (SumOf $part) -eq $item.Sum) {
            [IO.File]::Move($part, $item.Path)
            $item.Done = $true
            return
        }
        if ($item.Have -lt $item.Size) { break }
        Remove $part
        $item.Wrong = $item.Wrong + 1
        $item.Why = 'the downloaded file is not the expected one'
        if ($item.Wrong -gt 1) { return }
    }
    $from = $item.Url
    if ($RF_BASE) { $from = $RF_BASE + '/' + $RF_SEED + '/' + $item.File }
    if ($from -eq '-' -or -not $curl) {
        if (-not $item.Why) { $item.Why = 'there is no program to download it with, or no address' }
        return
    }
    if ($item.Tries -ge 3) { return }
    $item.Server = ($from -replace '^[a-z]+://([^/@]*@)?', '') -replace '/.*', ''
    if (-not $bad.ContainsKey($item.Server)) { $bad[$item.Server] = 0 }
    if (IsDead $item.Server) {
        $item.Why = 'no answer from ' + $item.Server
        return
    }
    $item.Tries = $item.Tries + 1
    $arguments = @('-sSfgL', '--connect-timeout', '10', '--speed-limit', '1000', '--speed-time', '30', '-C', '-', '-o', $part, '-K', '-')
    if ($RF_BASE) { $arguments = $arguments + @('--noproxy', '*') }
    elseif ($RF_PROXY) { $arguments = $arguments + @('--proxy', $RF_PROXY, '--noproxy', ([string]$RF_NO_PROXY_FOR)) }
    if ($RF_CA) { $arguments = $arguments + @('--cacert', ($Root + '\.ca.pem')) }
    # without a reachable revocation list curl would fail; the sum still proves the file
    if ($item.Blind) { $arguments = $arguments + '--ssl-no-revoke' }
    # through standard input: a seed's URL contains a secret
    $item.Run = StartRun $curl $arguments ('url = "' + $from + '"')
}
# Handles the result of a try.
function Ended($item) {
    $run = $item.Run
    $item.Run = $null
    EndRun $run
    $part = $item.Path + '.part'
    $now = SizeOf $part
    if ($now -gt $item.Have -or $run.Code -eq 22) {
        $alive[$item.Server] = $true
        $bad[$item.Server] = 0
    } else { $bad[$item.Server] = $bad[$item.Server] + 1 }
    if ($now -eq $item.Size) { return }
    # in tenths of a second
    $item.Pause = 10 * $item.Tries
    $item.Why = [string](@(LastOf (LinesOf $run.Errors) 1) -join ' ')
    if (-not $item.Why) { $item.Why = 'the download ended with status ' + $run.Code + ', ' + $now + ' of ' + $item.Size + ' bytes' }
    if ($run.Errors -match 'revocation') { $item.Blind = $true }
    elseif ($run.Code -eq 0) {
        # a complete answer of another size: an error page, or another file
        Remove $part
        $item.Wrong = $item.Wrong + 1
        if ($item.Wrong -gt 1) { $item.Tries = 3 }
    } elseif ($run.Errors -match 'error: 4(0[34]|10)') { $item.Tries = 3 }
    elseif ($now -gt $item.Have + 1000000) { $item.Tries = 0 }
    # not a byte more: this server may not be able to resume in the middle of a file
    elseif ($now -le $item.Have) { Remove $part }
}
$items = @()
$sizes = @()
[long]$need = 0
[long]$all = 0
foreach ($line in (LinesOf $RF_ITEMS)) {
    $arguments = @($line -split ' ')
    if ($arguments.Count -ne 5) { continue }
    $path = $Store + '\' + $arguments[1]
    [long]$size = $arguments[3]
    if ((SizeOf $path) -eq $size) { continue }
    # an old file of another size
    Remove $path
    $began = SizeOf ($path + '.part')
    $items = $items + @{ File = $arguments[1]; Sum = $arguments[2]; Size = $size; Url = $arguments[4]; Path = $path; Tries = 0; Wrong = 0; Have = 0; Began = $began; Why = ''; Server = ''; Pause = 0; Done = $false; Blind = $false; Run = $null }
    $sizes = $sizes + $size
    $all = $all + $size
    $need = $need + $size
    if ($began -lt $size) { $need = $need - $began }
}
foreach ($drive in [IO.DriveInfo]::GetDrives()) {
    if ($drive.IsReady -and $Store.StartsWith($drive.Name) -and $drive.AvailableFreeSpace -lt $need * 1.1) {
        Fail ('the disk is full: ' + [int]($need * 1.1 / 1000000) + ' MB are needed in ' + $Store + ', ' + [int]($drive.AvailableFreeSpace / 1000000) + ' MB are free') ('free some space below ' + $UserHome)
    }
}
# the large ones first
$sizes = [long[]]$sizes
$items = [object[]]$items
[Array]::Sort($sizes, $items)
[Array]::Reverse($items)
$under = @()
$next = 0
$shown = -1
$began = [DateTime]::UtcNow
while ($next -lt $items.Length -or $under.Count -gt 0) {
    while ($next -lt $items.Length -and $under.Count -lt 8) {
        $item = $items[$next]
        $next = $next + 1
        NextTry $item
        if ($item.Run) { $under = $under + @($item) }
    }
    $still = @()
    foreach ($item in $under) {
        if ($item.Run -and $item.Run.Process.HasExited) { Ended $item }
        elseif ($item.Pause -gt 0) { $item.Pause = $item.Pause - 1 }
        if (-not $item.Run -and $item.Pause -eq 0) { NextTry $item }
        if ($item.Run -or $item.Pause -gt 0) { $still = $still + @($item) }
    }
    $under = $still
    $passed = [int]([DateTime]::UtcNow - $began).TotalSeconds
    if ($passed -gt $shown) {
        $shown = $passed
        [long]$here = 0
        foreach ($item in $items) {
            if ($item.Done) { $here = $here + $item.Size } else { $here = $here + (SizeOf ($item.Path + '.part')) }
        }
        Step ('fetching packages, ' + [Math]::Floor($here / 1000000) + ' of ' + [Math]::Floor($all / 1000000) + ' MB')
    }
    if ($under.Count -gt 0) { Nap 100 }
}
[long]$fetched = 0
$missing = $false
foreach ($item in $items) {
    if ($item.Done) { $fetched = $fetched + $item.Size - $item.Began }
    else {
        $missing = $true
        Emit 'missing' ($item.File)
        if ($item.Wrong) { Emit 'wrong' ($item.File) }
        EmitText 'log' @($item.File + ': ' + $item.Why)
    }
}
Emit 'fetched' $fetched
if ($missing) { Finish 0 }
