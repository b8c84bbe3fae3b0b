# rayfab: fetch packages
$RF_CLUSTER = 'lab'
$RF_UNIT = 'rayfab-lab'
$RF_ITEMS = 'Miniconda3-py39_24.9.2-0-Windows-x86_64.exe 0000000000000000000000000000000000000000000000000000000000000000 80000000 -
uv-0.9.0-py3-none-win_amd64.whl 1111111111111111111111111111111111111111111111111111111111111111 20000000 https://m.example/uv
python-3.7.16-h6244533_0.conda 2222222222222222222222222222222222222222222222222222222222222222 16000000 https://c.example/python
ray-2.7.2-cp37-cp37m-win_amd64.whl 3333333333333333333333333333333333333333333333333333333333333333 25000000 https://p.example/r'
$RF_BASE = ''
$RF_PROXY = 'http://10.0.0.9:3128'
$RF_NO_PROXY_FOR = 'mirror.lab'
$RF_CA = ''
# The answer: marked lines on stdout, in ASCII, so that no code page on the way can change them.
$Utf8 = [Text.UTF8Encoding]::new($false)
$Out = [IO.StreamWriter]::new([Console]::OpenStandardOutput(), $Utf8)
$Out.AutoFlush = $true
$UserHome = $env:USERPROFILE
$Root = $UserHome + '\.rayfab'
$Node = $Root + '\' + $RF_CLUSTER
function Tell($told) {
    if ($told -match '[^\x20-\x7E\t]') { $told = 'b64 ' + [Convert]::ToBase64String($Utf8.GetBytes($told)) }
    $Out.Write($RF_MARK + ' ' + $told + "`n")
}
function OneLine($text) { return [string]$text -replace '[\r\n]+', ' ' }
function Emit($key, $value) { Tell ('kv ' + $key + ' ' + (OneLine $value)) }
function EmitText($key, $lines) {
    foreach ($line in $lines) { Tell ('text ' + $key + ' ' + (OneLine $line)) }
}
function Step($text) { Tell ('step ' + (OneLine $text)) }
function Say($text) { Tell ('say ' + (OneLine $text)) }
function Finish($code) {
    Tell ('end ' + $code)
    exit $code
}
function Fail($message, $hint) {
    Emit 'error' $message
    if ($hint) { Emit 'hint' $hint }
    Finish 1
}
function Nap($milliseconds) { [Threading.Thread]::Sleep($milliseconds) }
function LinesOf($text) {
    if ($text) { return ($text -replace "(\r?\n)+\z", '') -split "\r?\n" }
}
function LastOf($lines, $count) {
    $rest = @($lines).Count - $count
    foreach ($line in $lines) {
        $rest = $rest - 1
        if ($rest -lt 0) { $line }
    }
}
function ReadText($path) {
    if ([IO.File]::Exists($path)) { return [IO.File]::ReadAllText($path) }
    return ''
}
# A file appears whole or not at all.
function WriteText($path, $text) {
    try {
        [IO.File]::WriteAllText($path + '.new', $text, $Utf8)
        if ([IO.File]::Exists($path)) { [IO.File]::Delete($path) }
        [IO.File]::Move($path + '.new', $path)
    } catch { Fail ('cannot write ' + $path + ': ' + $_) 'free some space, or make the folder writable' }
}
function Remove($path) {
    if ([IO.File]::Exists($path)) { [IO.File]::Delete($path) }
}
# Our folder is closed to everybody but its owner and the system itself: it holds the token.
function MakeNode {
    try {
        if (-not [IO.Directory]::Exists($Root)) {
            $null = [IO.Directory]::CreateDirectory($Root)
            $me = '*' + [Security.Principal.WindowsIdentity]::GetCurrent().User.Value + ':(OI)(CI)F'
            $tool = $env:SystemRoot + '\System32\icacls.exe'
            $run = Run $tool @($Root, '/inheritance:r', '/grant:r', $me, '*S-1-5-18:(OI)(CI)F') ''
            if ($run.Code -ne 0) {
                [IO.Directory]::Delete($Root)
                Fail ('cannot close ' + $Root + ' to other users: ' + $run.Errors + $run.Said)
            }
        }
        $null = [IO.Directory]::CreateDirectory($Node)
    } catch { Fail ('cannot make ' + $Node + ': ' + $_) 'make the home folder writable' }
}
# One word of a command line, as C programs take it apart: a backslash counts only before a quote.
function QuoteWord($word) {
    if ($word -ne '' -and $word -notmatch '[\s"]') { return $word }
    return '"' + (($word -replace '(\\*)"', '$1$1\"') -replace '(\\+)\z', '$1$1') + '"'
}
# Starts a program with exactly these words, given a text or an open file to read; its errors are read on the side, so that neither pipe can block it.
function StartRun($file, $words, $given) {
    $quoted = foreach ($word in $words) { QuoteWord $word }
    $start = [Diagnostics.ProcessStartInfo]::new()
    $start.FileName = $file
    $start.Arguments = (@($quoted) -join ' ') + $LastWord
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.StandardOutputEncoding = $Utf8
    $start.StandardErrorEncoding = $Utf8
    foreach ($name in $Surroundings.Keys) { $start.EnvironmentVariables[$name] = $Surroundings[$name] }
    $process = [Diagnostics.Process]::Start($start)
    $run = @{ Process = $process; Reader = $process.StandardOutput; Said = ''; Errors = ''; Code = -1 }
    $run.Pending = $process.StandardError.ReadToEndAsync()
    # not by the writer around it, which may add a byte order mark
    $stdin = $process.StandardInput.BaseStream
    try {
        if ($given -is [string]) {
            $bytes = $Utf8.GetBytes($given)
            $stdin.Write($bytes, 0, $bytes.Length)
        } elseif ($given) {
            $given.CopyTo($stdin)
            $given.Close()
        }
        $stdin.Close()
    } catch { $run.Unread = [string]$_ }
    return $run
}
function EndRun($run) {
    $run.Said = $run.Reader.ReadToEnd()
    $run.Errors = $run.Pending.Result
    $run.Process.WaitForExit()
    $run.Code = $run.Process.ExitCode
}
function Run($file, $words, $given) {
    $run = StartRun $file $words $given
    EndRun $run
    return $run
}
# As Run, for what takes its time: it is said how long that is.
function Busy($text, $file, $words) {
    Step $text
    $began = [DateTime]::UtcNow
    $shown = 0
    $run = StartRun $file $words ''
    $said = $run.Reader.ReadToEndAsync()
    while (-not $run.Process.HasExited) {
        Nap 200
        $passed = [int]([DateTime]::UtcNow - $began).TotalSeconds
        if ($passed -ge $shown + 5) {
            $shown = $passed
            Step ($text + ', ' + $passed + ' s')
        }
    }
    $run.Said = $said.Result
    $run.Errors = $run.Pending.Result
    $run.Process.WaitForExit()
    $run.Code = $run.Process.ExitCode
    return $run
}
$Surroundings = @{}
# what ends a command line as it is
$LastWord = ''
# A node on Windows itself, under a task of the Task Scheduler: loop.py starts Ray again whenever it ends.
$Envs = $Node + '\envs\'
function Tool($name) { return $env:SystemRoot + '\System32\' + $name + '.exe' }
function Task($words) { return Run (Tool 'schtasks') $words '' }
# what this tool says is in the system's language: only its status counts
function TaskThere {
    $run = Task @('/Query', '/TN', $RF_UNIT)
    return $run.Code -eq 0
}
# Whether a process runs a program of this cluster's environments.
function IsOurs($process) {
    try { return $process.MainModule.FileName.ToLower().StartsWith($Envs.ToLower()) } catch { return $false }
}
# The loop's process, 0 if there is none; its number may have passed on to a stranger since.
function LoopPid {
    $number = (ReadText ($Node + '\loop.pid')).Trim()
    if ($number -notmatch '^[0-9]{1,9}\z') { return 0 }
    try { if (IsOurs ([Diagnostics.Process]::GetProcessById([int]$number))) { return [int]$number } }
    catch { $null = $_ }
    return 0
}
function TaskDown {
    # gone first, so that neither a boot nor the Scheduler brings it back
    if (TaskThere) {
        $run = Task @('/Delete', '/TN', $RF_UNIT, '/F')
        if ($run.Code -ne 0) { Fail ('cannot remove the task ' + $RF_UNIT + ': ' + $run.Errors) 'was it an administrator who deployed here?' }
    }
    $number = LoopPid
    if ($number) { $null = Run (Tool 'taskkill') @('/PID', [string]$number, '/T', '/F') '' }
    # those whose parent had gone before; their workers follow them
    foreach ($name in @('raylet', 'gcs_server')) {
        foreach ($process in [Diagnostics.Process]::GetProcessesByName($name)) {
            if (IsOurs $process) { try { $process.Kill() } catch { $null = $_ } }
        }
    }
    $tries = 0
    while (LoopPid) {
        $tries = $tries + 1
        if ($tries -gt 100) { Fail ('cannot end the process ' + $number) 'look at: tasklist' }
        Nap 200
    }
    Remove ($Node + '\loop.pid')
}
# An environment is whole while it has every file that its installation has listed.
function EnvWhole($folder) {
    if (-not [IO.File]::Exists($folder + '\.complete')) { return $false }
    foreach ($name in (LinesOf (ReadText ($folder + '\.files')))) {
        if (-not [IO.File]::Exists($folder + '\' + $name)) { return $false }
    }
    return ([IO.File]::Exists($folder + '\python.exe') -and [IO.File]::Exists($folder + '\Scripts\ray.exe'))
}
function EnvFacts {
    if (-not [IO.Directory]::Exists($Node + '\envs')) { return }
    foreach ($folder in [IO.Directory]::GetDirectories($Node + '\envs', '*')) {
        if (EnvWhole $folder) { Emit 'env' ([IO.Path]::GetFileName($folder)) }
    }
    EmitText 'requirements' (LinesOf (ReadText ($Envs + (ReadText ($Node + '\env')).Trim() + '\requirements.lock')))
}
# The text of a file that somebody still writes.
function ReadOpen($path) {
    if (-not [IO.File]::Exists($path)) { return '' }
    try { $file = OpenLog $path } catch { return '' }
    $reader = [IO.StreamReader]::new($file, $Utf8)
    $text = $reader.ReadToEnd()
    $reader.Close()
    return $text
}
# A folder with all that is in it, also what may not be written; a junction goes without what it leads to.
function RemoveTree($path) {
    if (-not [IO.Directory]::Exists($path)) { return }
    try { [IO.Directory]::Delete($path, $true) }
    catch {
        # what may not be written, and what has more than 260 letters, robocopy can empty
        $empty = $Root + '\.empty'
        $null = [IO.Directory]::CreateDirectory($empty)
        $null = Run (Tool 'robocopy') @($empty, $path, '/MIR', '/XJ', '/R:1', '/W:1', '/NFL', '/NDL', '/NJH', '/NJS') ''
        [IO.Directory]::Delete($empty)
        [IO.Directory]::Delete($path, $true)
    }
}
# A command in the node's environment. CreateProcess would look for it on the PATH of this process.
function FindProgram($word) {
    if ([IO.Path]::IsPathRooted($word)) { return $word }
    foreach ($folder in ($Surroundings['PATH'] -split ';')) {
        foreach ($end in @('', '.exe')) {
            $file = $folder.Trim('"').TrimEnd('\') + '\' + $word + $end
            if ($folder -and [IO.File]::Exists($file)) { return $file }
        }
    }
    return ''
}
function EnterNode { . ([ScriptBlock]::Create((ReadText ($Node + '\env.ps1')))) }
function BeginHere($words, $given) {
    EnterNode
    $file = ''
    $rest = @()
    foreach ($word in $words) {
        if ($file) { $rest = $rest + $word; continue }
        $file = FindProgram $word
        if (-not $file) { Fail ('there is no program ' + $word + ' here') }
    }
    return StartRun $file $rest $given
}
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
try {
# Packages into the store: several at a time, resumed, checked. What cannot be had is said; who asked decides.
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
function SumOf($path) {
    $file = [IO.File]::OpenRead($path)
    try { return ([BitConverter]::ToString([Security.Cryptography.SHA256]::Create().ComputeHash($file)) -replace '-', '').ToLower() }
    finally { $file.Close() }
}
# Servers by their names: which have ever sent a byte, and how often each has failed since.
$alive = @{}
$bad = @{}
function IsDead($server) {
    if ($alive[$server]) { return $bad[$server] -ge 24 }
    return $bad[$server] -ge 16
}
# The next try for a file; one that is whole already, or cannot be had, needs none.
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
        $item.Why = 'what arrived is not what was expected'
        if ($item.Wrong -gt 1) { return }
    }
    $from = $item.Url
    if ($RF_BASE) { $from = $RF_BASE + '/' + $RF_SEED + '/' + $item.File }
    if ($from -eq '-' -or -not $curl) {
        if (-not $item.Why) { $item.Why = 'there is nothing to fetch it with or from' }
        return
    }
    if ($item.Tries -ge 3) { return }
    $item.Server = ($from -replace '^[a-z]+://([^/@]*@)?', '') -replace '/.*', ''
    if (-not $bad.ContainsKey($item.Server)) { $bad[$item.Server] = 0 }
    if (IsDead $item.Server) {
        $item.Why = 'nothing comes from ' + $item.Server
        return
    }
    $item.Tries = $item.Tries + 1
    $words = @('-sSfgL', '--connect-timeout', '10', '--speed-limit', '1000', '--speed-time', '30', '-C', '-', '-o', $part, '-K', '-')
    if ($RF_BASE) { $words = $words + @('--noproxy', '*') }
    elseif ($RF_PROXY) { $words = $words + @('--proxy', $RF_PROXY, '--noproxy', ([string]$RF_NO_PROXY_FOR)) }
    if ($RF_CA) { $words = $words + @('--cacert', ($Root + '\.ca.pem')) }
    # what cannot ask whether a certificate was withdrawn would fail; the sum tells what is right
    if ($item.Blind) { $words = $words + '--ssl-no-revoke' }
    # by its input: the address of a seed holds a secret
    $item.Run = StartRun $curl $words ('url = "' + $from + '"')
}
# After a try: what became of it.
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
        # a whole answer of another size: an error page, or another file
        Remove $part
        $item.Wrong = $item.Wrong + 1
        if ($item.Wrong -gt 1) { $item.Tries = 3 }
    } elseif ($run.Errors -match 'error: 4(0[34]|10)') { $item.Tries = 3 }
    elseif ($now -gt $item.Have + 1000000) { $item.Tries = 0 }
    # not a byte more: this server may not be able to go on in the middle of a file
    elseif ($now -le $item.Have) { Remove $part }
}
$items = @()
$sizes = @()
[long]$need = 0
[long]$all = 0
foreach ($line in (LinesOf $RF_ITEMS)) {
    $words = @($line -split ' ')
    if ($words.Count -ne 4) { continue }
    $path = $Store + '\' + $words[0]
    [long]$size = $words[2]
    if ((SizeOf $path) -eq $size) { continue }
    # of another size: what once was there
    Remove $path
    $began = SizeOf ($path + '.part')
    $items = $items + @{ File = $words[0]; Sum = $words[1]; Size = $size; Url = $words[3]; Path = $path; Tries = 0; Wrong = 0; Have = 0; Began = $began; Why = ''; Server = ''; Pause = 0; Done = $false; Blind = $false; Run = $null }
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
foreach ($item in $items) {
    if ($item.Done) { $fetched = $fetched + $item.Size - $item.Began }
    else {
        Emit 'missing' ($item.File)
        if ($item.Wrong) { Emit 'wrong' ($item.File) }
        EmitText 'log' @($item.File + ': ' + $item.Why)
    }
}
Emit 'fetched' $fetched
Finish 0
} catch { Fail ('unexpected: ' + $_) }
