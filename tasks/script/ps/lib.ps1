# values: CLUSTER
# The answer is marked lines on standard output, in ASCII, so that no code page can change them.
$Utf8 = [Text.UTF8Encoding]::new($false)
$Out = [IO.StreamWriter]::new([Console]::OpenStandardOutput(), $Utf8)
$Out.AutoFlush = $true
$UserHome = $env:USERPROFILE
$Root = $UserHome + '\.rayfab'
$Node = $Root + '\' + $RF_CLUSTER
$Unit = 'rayfab-' + $RF_CLUSTER
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
    if (-not $hint -and $message -match '^cannot (make|write|remove|replace) ') { $hint = 'is there space, and may this user write there? is it open in another program?' }
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
# Writes a file completely or not at all.
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
# Makes our folder, which only its owner and the system may read, since it contains the token.
function MakeNode {
    try {
        if (-not [IO.Directory]::Exists($Root)) {
            $null = [IO.Directory]::CreateDirectory($Root)
            $me = '*' + [Security.Principal.WindowsIdentity]::GetCurrent().User.Value + ':(OI)(CI)F'
            $tool = $env:SystemRoot + '\System32\icacls.exe'
            $run = Run $tool @($Root, '/inheritance:r', '/grant:r', $me, '*S-1-5-18:(OI)(CI)F') ''
            if ($run.Code -ne 0) {
                [IO.Directory]::Delete($Root)
                Fail ('cannot close ' + $Root + ' to other users: ' + $run.Errors + $run.Said) ('icacls ' + $Root + ' shows who may read it')
            }
        }
        $null = [IO.Directory]::CreateDirectory($Node)
    } catch { Fail ('cannot make ' + $Node + ': ' + $_) 'make the home folder writable' }
}
# Quotes one argument for the command line, as C programs parse it: a backslash is special only before a quote.
function QuoteArgument($argument) {
    if ($argument -ne '' -and $argument -notmatch '[\s"]') { return $argument }
    return '"' + (($argument -replace '(\\*)"', '$1$1\"') -replace '(\\+)\z', '$1$1') + '"'
}
# Starts a program with exactly these arguments; $given is a text or an open file that it reads.
# Its error stream is read in the background, so that no pipe blocks.
function StartRun($file, $arguments, $given) {
    $quoted = foreach ($argument in $arguments) { QuoteArgument $argument }
    $start = [Diagnostics.ProcessStartInfo]::new()
    $start.FileName = $file
    $start.Arguments = (@($quoted) -join ' ') + $LastArgument
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
    # not through the StreamWriter, which may add a byte order mark
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
function Run($file, $arguments, $given) {
    $run = StartRun $file $arguments $given
    EndRun $run
    return $run
}
# Like Run, for programs that take long: it reports progress.
function Busy($text, $file, $arguments) {
    Step $text
    $began = [DateTime]::UtcNow
    $shown = 0
    $run = StartRun $file $arguments ''
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
# an argument that ends the command line unquoted
$LastArgument = ''
