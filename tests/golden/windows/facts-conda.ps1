# rayfab: gather facts
$RF_CLUSTER = 'lab'
$RF_UNIT = 'rayfab-lab'
$RF_WANT_PYTHON = ''
$RF_WANT_DOCKER = ''
$RF_WANT_CONDA = '1'
$RF_CONDA_PREFIX_WANTED = 'conda'
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
# Docker Desktop's command, and the words for whatever keeps its engine from answering.
$DockerState = $null
$DockerExe = ''
$DockerVersion = ''
$DockerSays = ''
function FindDocker {
    # the service of sshd knows the PATH of the day it was started; the registry knows today's
    $folders = @($env:PATH -split ';')
    $folders = $folders + ([Environment]::GetEnvironmentVariable('Path', 'Machine') -split ';')
    $folders = $folders + ([Environment]::GetEnvironmentVariable('Path', 'User') -split ';')
    $folders = $folders + ($env:ProgramFiles + '\Docker\Docker\resources\bin')
    $folders = $folders + ($env:LOCALAPPDATA + '\Programs\DockerDesktop\resources\bin')
    foreach ($folder in $folders) {
        $file = $folder.Trim('"').TrimEnd('\') + '\docker.exe'
        if ($folder -and [IO.File]::Exists($file)) { return $file }
    }
    return ''
}
function BeginDk($words, $given) { return StartRun $DockerExe $words $given }
function Dk($words, $given) { return Run $DockerExe $words $given }
# '' when the engine answers; else missing | stopped | denied | windows
function DockerProblem {
    if ($null -eq $DockerState) { $script:DockerState = AskDocker }
    return $DockerState
}
function AskDocker {
    $script:DockerExe = FindDocker
    if (-not $DockerExe) { return 'missing' }
    # The user's own settings name a helper for passwords that fails without a desktop, so they are passed over.
    $Surroundings['DOCKER_CONFIG'] = $Node + '\docker-config'
    $ask = @('version', '--format', '{{.Server.Version}} {{.Server.Os}}')
    $run = Dk $ask ''
    if ($run.Code -ne 0 -and -not $env:DOCKER_HOST) {
        $Surroundings['DOCKER_HOST'] = 'npipe:////./pipe/dockerDesktopLinuxEngine'
        $second = Dk $ask ''
        if ($second.Code -eq 0) { $run = $second } else { $Surroundings.Remove('DOCKER_HOST') }
    }
    $script:DockerSays = OneLine ($run.Errors.Trim())
    if ($run.Code -ne 0) {
        if ($run.Errors -match 'denied') { return 'denied' }
        return 'stopped'
    }
    $said = $run.Said.Trim() -split ' '
    $script:DockerVersion = $said[0]
    if ($said[1] -eq 'windows') { return 'windows' }
    return ''
}
function NeedDocker {
    $problem = DockerProblem
    if ($problem -eq 'windows') { Fail 'Docker Desktop runs Windows containers' 'switch it to Linux containers' }
    if ($problem) { Fail ("Docker's engine does not answer: " + $problem + ' ' + $DockerSays) 'look at: docker version' }
}
# Id, platform, date, layers and digests of the image in one line, '' if it is not there.
function ImageHere {
    $run = Dk @('image', 'inspect', '--format', '{{.Id}} {{.Os}}/{{.Architecture}} {{.Created}} {{range .RootFS.Layers}}{{.}},{{end}} {{range .RepoDigests}}{{.}},{{end}}', $RF_IMAGE) ''
    if ($run.Code -ne 0) { return '' }
    return $run.Said.Trim()
}
function DockerFacts {
    $problem = DockerProblem
    if ($problem) {
        Emit 'docker_problem' $problem
        if ($DockerSays) { Emit 'docker_says' $DockerSays }
        return
    }
    Emit 'docker' $DockerVersion
    # what Ray will see is the engine's virtual machine
    $machine = @((Dk @('info', '--format', '{{.NCPU}} {{.MemTotal}}') '').Said.Trim() -split ' ')
    if ($machine.Count -eq 2) {
        Emit 'cpus' ($machine[0])
        Emit 'mem_bytes' ($machine[1])
    }
    $here = ImageHere
    if ($here) { EmitText 'image' @($here) }
    $kept = (ReadText ($Node + '\image')).Trim()
    if ($here -and $kept.StartsWith(($here -split ' ')[0] + ' ')) {
        Emit 'image_versions' (($kept -split ' ', 2)[1])
    }
    $run = Dk @('ps', '-a', '--no-trunc', '--filter', ('name=^/' + $RF_UNIT + '$'), '--format', '{{.ID}} {{.Image}}') ''
    EmitText 'container' (LinesOf $run.Said)
    DockerGives
}
# What the engine can give to a container; one that answers nothing gives nothing.
function DockerGives {
    $told = 'cpus {{.NCPU}}{{println}}memory {{.MemTotal}}{{println}}system {{.OperatingSystem}}{{println}}arch {{.Architecture}}{{println}}'
    $told = $told + '{{range .SecurityOptions}}option {{println .}}{{end}}{{range $name, $_ := .Runtimes}}runtime {{println $name}}{{end}}'
    $run = Dk @('info', '--format', $told) ''
    EmitText 'engine' (LinesOf $run.Said)
}
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
            Emit 'kept' ($prefix + $why)
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
# A node in a container of Docker Desktop, kept alive by its restart policy, or under a task (task.ps1).
function NodeService {
    $kind = (ReadText ($Node + '\service')).Trim()
    if ($kind) { return $kind }
    return 'none'
}
function NodeActive {
    if ((NodeService) -eq 'task') {
        if (LoopPid) { return 'active' }
        return 'inactive'
    }
    $run = Dk @('inspect', '-f', '{{.State.Status}}', $RF_UNIT) ''
    if ($run.Said.Trim() -eq 'running') { return 'active' }
    if ($run.Said.Trim() -eq 'restarting') { return 'activating' }
    return 'inactive'
}
function NodeFacts {
    $kind = NodeService
    Emit 'service' $kind
    if ($kind -eq 'docker' -and (DockerProblem)) { Emit 'active' 'inactive' } else { Emit 'active' (NodeActive) }
    EnvFacts
}
# a container is stopped, not removed: its log can still be read
function NodeDown {
    if ((NodeService) -eq 'task') {
        TaskDown
        return
    }
    $run = Dk @('stop', $RF_UNIT) ''
    if ($run.Code -ne 0 -and (Dk @('ps', '-q', '-f', ('name=^/' + $RF_UNIT + '$')) '').Said.Trim()) {
        Fail ('cannot stop the container ' + $RF_UNIT) 'look at: docker ps'
    }
}
# What `ray start` has said, on both of the container's streams.
function NodeLog($count) {
    if ((NodeService) -eq 'task') { return @(LinesOf (ReadOpen ($Node + '\start.log'))) }
    $words = @('logs')
    if ($count) { $words = $words + @('--tail', $count) }
    $run = Dk ($words + $RF_UNIT) ''
    return @(LinesOf $run.Said) + @(LinesOf $run.Errors)
}
function NodeLogBefore {
    if ((NodeService) -eq 'docker') { return @(NodeLog '') }
    return @(LinesOf (ReadOpen ($Node + '\start.log.1'))) + @(NodeLog '')
}
function NodeTries {
    if ((NodeService) -eq 'task') { return @(LinesOf (ReadOpen ($Node + '\starts'))).Count - 1 }
    $said = (Dk @('inspect', '-f', '{{.RestartCount}}', $RF_UNIT) '').Said.Trim()
    if ($said) { return [int]$said }
    return 0
}
# Ray's session folders that were this node's; they are removed when the cluster is.
function NoteSessions {
    # a task's are in a folder of this cluster's alone
    if ((NodeService) -ne 'docker') { return }
    $known = @(LinesOf (ReadText ($Node + '\sessions')))
    $words = Dk @('exec', $RF_UNIT, 'sh', '-c', "cat /proc/[0-9]*/cmdline | tr '\0' ' '") ''
    $text = (@(NodeLog '') -join ' ') + ' ' + $words.Said
    foreach ($found in [regex]::Matches($text, '/session_[0-9_-]+')) {
        $name = $found.Value.Substring(1)
        if ($known -notcontains $name) { $known = $known + $name }
    }
    WriteText ($Node + '\sessions') ((@($known) -join "`n") + "`n")
}
# Docker Desktop's links are none that Windows can follow, so the newest session is known by its name.
function NewestLogs($folder) {
    $newest = ''
    if ([IO.Directory]::Exists($folder)) {
        foreach ($path in [IO.Directory]::GetDirectories($folder, 'session_2*')) {
            $logs = $path + '\logs'
            if ([IO.Directory]::Exists($logs) -and [string]::CompareOrdinal($logs, $newest) -gt 0) { $newest = $logs }
        }
    }
    return $newest
}
# Opened for reading beside the one who writes.
function OpenLog($path) { return [IO.File]::Open($path, 'Open', 'Read', 'ReadWrite, Delete') }
# Where Ray's own folder lies on this host, as the last start has left it.
function NodeTemp {
    $kept = (ReadText ($Node + '\temp')).Trim()
    if ($kept) { return $kept }
    return $UserHome + '\tmp\ray'
}
# The words of a command inside; a container that started as root would run it as root.
function Inside($words) {
    $user = (ReadText ($Node + '\user')).Trim()
    if ($user) { return @('exec', '-i', '--user', $user, $RF_UNIT) + $words }
    return @('exec', '-i', $RF_UNIT) + $words
}
# Started inside, with what it reads; both streams as one, in order.
function NodeExec($words, $given) {
    if ((NodeService) -eq 'task') { return BeginHere $words $given }
    return BeginDk (Inside (@('sh', '-c', 'exec "$@" 2>&1', 'sh') + $words)) $given
}
# As above, its errors apart.
function NodeAsk($words, $given) {
    if ((NodeService) -eq 'task') { return BeginHere $words $given }
    return BeginDk (Inside $words) $given
}
function SayAll($run) {
    while ($null -ne ($line = $run.Reader.ReadLine())) { Say $line }
    EndRun $run
    foreach ($line in (LinesOf $run.Errors)) { Say $line }
}
function NeedNode {
    if ((NodeService) -eq 'none') { Fail "no Ray node of this cluster is running here" 'fab deploy-cluster starts it' }
    if ((NodeService) -eq 'docker') { NeedDocker }
}
try {
# Read-only. .NET and the registry, no WMI: only administrators may ask that over SSH.
$arch = $env:PROCESSOR_ARCHITECTURE
if ($arch -eq 'AMD64') { $arch = 'x86_64' }
if ($arch -eq 'ARM64') { $arch = 'aarch64' }
Emit 'uname' ('Windows ' + [Environment]::OSVersion.Version.ToString() + ' ' + $arch)
Emit 'hostname' ([Environment]::MachineName)
Emit 'user' ([Environment]::UserName)
Emit 'home' ($UserHome -replace '\\', '/')
Emit 'ssh_connection' ($env:SSH_CONNECTION)
Emit 'clock' ([DateTimeOffset]::UtcNow.ToUnixTimeSeconds())
Emit 'cpus' ([Environment]::ProcessorCount)
Emit 'machine-id' ([Microsoft.Win32.Registry]::GetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Cryptography', 'MachineGuid', ''))
Add-Type -AssemblyName 'Microsoft.VisualBasic'
Emit 'mem_bytes' ([Microsoft.VisualBasic.Devices.ComputerInfo]::new().TotalPhysicalMemory)
foreach ($card in [Net.NetworkInformation.NetworkInterface]::GetAllNetworkInterfaces()) {
    if ($card.OperationalStatus -ne 'Up') { continue }
    $name = $card.Name -replace '\s+', '_'
    foreach ($entry in $card.GetIPProperties().UnicastAddresses) {
        $ip = $entry.Address.ToString()
        if ($entry.Address.IsIPv6LinkLocal -or $ip.StartsWith('169.254.')) { continue }
        EmitText 'ip_addr' @('0: ' + $name + ' inet ' + $ip + '/' + $entry.PrefixLength)
        if ($card.GetIPProperties().GatewayAddresses.Count -gt 0) { EmitText 'route_default' @('interface: ' + $name) }
    }
}
foreach ($drive in [IO.DriveInfo]::GetDrives()) {
    if ($drive.IsReady -and $UserHome.StartsWith($drive.Name)) {
        $free = [long]($drive.AvailableFreeSpace / 1024)
        EmitText 'df' @($drive.Name + ' 0 0 ' + $free + ' 0% ' + ($drive.Name -replace '\\', '/'))
    }
}
Emit 'home_writable' 1
# /tmp is the container's own
Emit 'tmp_writable' 1
$smi = $env:SystemRoot + '\System32\nvidia-smi.exe'
if ([IO.File]::Exists($smi)) {
    $run = Run $smi @('--query-gpu=name,driver_version', '--format=csv,noheader') ''
    if ($run.Code -eq 0) { EmitText 'gpu' (LinesOf $run.Said) }
    else { Emit 'gpu_says' (OneLine $run.Said.Trim()) }
}

# What this project left here, and whether it lives.
$kept = (ReadText ($Node + '\state.json')).Trim()
if ($kept) {
    Emit 'state' $kept
    NodeFacts
}
if ($RF_WANT_DOCKER) { DockerFacts }
if ($RF_WANT_CONDA) { CondaFacts }

# Who listens, and which Ray processes there are.
$ports = foreach ($end in [Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties().GetActiveTcpListeners()) {
    $end.Port.ToString('X4')
}
Emit 'ports' (@($ports) -join ' ')
foreach ($name in @('raylet', 'gcs_server')) {
    foreach ($process in [Diagnostics.Process]::GetProcessesByName($name)) {
        $where = $name + '.exe'
        # where it lies is told of one's own processes alone
        try { $where = $process.MainModule.FileName -replace '\\', '/' } catch { $null = $_ }
        Emit 'ray_process' ([string]$process.Id + ' ' + $where)
    }
}
# A node that is just ending or starting may have neither of them, and still hold its ports.
$there = $false
foreach ($name in @('python', 'raylet', 'gcs_server', 'ray')) {
    foreach ($process in [Diagnostics.Process]::GetProcessesByName($name)) {
        $where = ''
        try { $where = $process.MainModule.FileName } catch { $null = $_ }
        if ($where.StartsWith($Node + '\', 'OrdinalIgnoreCase')) { $there = $true }
    }
}
if ($there) { Emit 'node_processes' 1 }
Finish 0
} catch { Fail ('unexpected: ' + $_) }
