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
