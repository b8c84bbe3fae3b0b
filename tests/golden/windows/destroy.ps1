# rayfab: remove everything
$RF_CLUSTER = 'lab'
$RF_UNIT = 'rayfab-lab'
$RF_TEMP_DIR = '/tmp/ray'
$RF_PURGE = ''
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
# Starts a program with exactly these words; its errors are read on the side, so that neither pipe can block it.
function StartRun($file, $words, $given) {
    $quoted = foreach ($word in $words) { QuoteWord $word }
    $start = [Diagnostics.ProcessStartInfo]::new()
    $start.FileName = $file
    $start.Arguments = @($quoted) -join ' '
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
        if ($given) {
            $bytes = $Utf8.GetBytes($given)
            $stdin.Write($bytes, 0, $bytes.Length)
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
$Surroundings = @{}
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
# A node in a container of Docker Desktop, kept alive by its restart policy.
function NodeService {
    $kind = (ReadText ($Node + '\service')).Trim()
    if ($kind) { return $kind }
    return 'none'
}
function NodeActive {
    $run = Dk @('inspect', '-f', '{{.State.Status}}', $RF_UNIT) ''
    if ($run.Said.Trim() -eq 'running') { return 'active' }
    return 'inactive'
}
function NodeFacts {
    $kind = NodeService
    Emit 'service' $kind
    if ($kind -eq 'docker' -and -not (DockerProblem)) { Emit 'active' (NodeActive) } else { Emit 'active' 'inactive' }
}
# stopped, not removed: its log can still be read
function NodeDown {
    $run = Dk @('stop', $RF_UNIT) ''
    if ($run.Code -ne 0 -and (Dk @('ps', '-q', '-f', ('name=^/' + $RF_UNIT + '$')) '').Said.Trim()) {
        Fail ('cannot stop the container ' + $RF_UNIT) 'look at: docker ps'
    }
}
# What `ray start` has said, on both of the container's streams.
function NodeLog($count) {
    $words = @('logs')
    if ($count) { $words = $words + @('--tail', $count) }
    $run = Dk ($words + $RF_UNIT) ''
    return @(LinesOf $run.Said) + @(LinesOf $run.Errors)
}
function NodeTries {
    $said = (Dk @('inspect', '-f', '{{.RestartCount}}', $RF_UNIT) '').Said.Trim()
    if ($said) { return [int]$said }
    return 0
}
# Ray's session folders that were this node's; they are removed when the cluster is.
function NoteSessions {
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
# Started inside, both streams as one, in order.
function NodeExec($words) { return BeginDk (Inside (@('sh', '-c', 'exec "$@" 2>&1', 'sh') + $words)) '' }
function SayAll($run) {
    while ($null -ne ($line = $run.Reader.ReadLine())) { Say $line }
    EndRun $run
    foreach ($line in (LinesOf $run.Errors)) { Say $line }
}
function NeedNode {
    if ((NodeService) -eq 'none') { Fail "no Ray of this cluster's runs here" 'fab deploy-cluster starts it' }
    NeedDocker
}
try {
# Everything of this cluster's leaves this host, and nothing else does.
# the lock is this run's own
$ours = @()
if ([IO.Directory]::Exists($Node)) {
    foreach ($path in [IO.Directory]::GetFileSystemEntries($Node)) {
        if ($path -notmatch '\\lock(\.gate)?\z') { $ours = $ours + $path }
    }
}
if ($ours.Count -eq 0) {
    Emit 'changed' 0
    Finish 0
}
$temp = NodeTemp
if ((NodeService) -ne 'none') {
    NeedDocker
    Step 'stopping Ray'
    NoteSessions
    NodeDown
    Step 'removing files'
    $run = Dk @('rm', '-f', '-v', $RF_UNIT) ''
    if ($run.Code -ne 0 -and (Dk @('ps', '-aq', '-f', ('name=^/' + $RF_UNIT + '$')) '').Said.Trim()) {
        Fail ('cannot remove the container ' + $RF_UNIT) 'look at: docker ps -a'
    }
}
foreach ($name in (LinesOf (ReadText ($Node + '\sessions')))) {
    if ($name -notmatch '^session_[0-9_-]+$') { continue }
    $path = $temp + '\' + $name
    try { if ([IO.Directory]::Exists($path)) { [IO.Directory]::Delete($path, $true) } }
    catch { Emit 'left' $path }
}
if ([IO.Directory]::Exists($temp)) {
    if ([IO.Directory]::GetDirectories($temp, 'session_2*').Count -eq 0) {
        foreach ($name in @('session_latest', 'ray_current_cluster', 'prom_metrics_service_discovery.json')) {
            try { [IO.File]::Delete($temp + '\' + $name) } catch { $null = $_ }
        }
    }
    try {
        [IO.Directory]::Delete($temp)
        if ([IO.File]::Exists($Node + '\made-tmp')) { [IO.Directory]::Delete([IO.Path]::GetDirectoryName($temp)) }
    } catch { $null = $_ }
}
try { [IO.Directory]::Delete($Node, $true) } catch { Fail ('cannot remove ' + $Node + ': ' + $_) }
try { [IO.Directory]::Delete($Root) } catch { $null = $_ }
Emit 'changed' 1
Finish 0
} catch { Fail ('unexpected: ' + $_) }
