# needs: lib envs files
# A node on Windows itself, under a task of the Task Scheduler: loop.py restarts Ray whenever it ends.
function Task($arguments) { return Run (Tool 'schtasks') $arguments '' }
# this tool's output is in the system's language, so only its exit status counts
function TaskThere {
    $run = Task @('/Query', '/TN', $Unit)
    return $run.Code -eq 0
}
# Whether a process runs a program from this cluster's environments.
function IsOurs($process) {
    try { return $process.MainModule.FileName.ToLower().StartsWith($Envs.ToLower()) } catch { return $false }
}
# The loop's process id, or 0; the id in the file may belong to another program by now.
function LoopPid {
    $number = (ReadText ($Node + '\loop.pid')).Trim()
    if ($number -notmatch '^[0-9]{1,9}\z') { return 0 }
    try { if (IsOurs ([Diagnostics.Process]::GetProcessById([int]$number))) { return [int]$number } }
    catch { $null = $_ }
    return 0
}
function TaskActive {
    if (LoopPid) { return 'active' }
    return 'inactive'
}
function TaskNeed { return }
function TaskDown {
    # deleted first, so that neither a boot nor the Scheduler starts it again
    if (TaskThere) {
        $run = Task @('/Delete', '/TN', $Unit, '/F')
        if ($run.Code -ne 0) { Fail ('cannot remove the task ' + $Unit + ': ' + $run.Errors) 'was it an administrator who deployed here?' }
    }
    $number = LoopPid
    if ($number) { $null = Run (Tool 'taskkill') @('/PID', [string]$number, '/T', '/F') '' }
    # processes whose parent had already ended; their workers end with them
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
function TaskGone { return }
function TaskLog($count) { return LinesOf (ReadOpen ($Node + '\start.log')) }
function TaskLogBefore { return @(LinesOf (ReadOpen ($Node + '\start.log.1'))) + @(TaskLog '') }
function TaskLastLog($count) {
    $said = @(TaskLog '')
    if ($said.Count -eq 0) { $said = @(TaskLogBefore) }
    EmitText 'log:start.log' (LastOf $said ([int]$count))
}
function TaskTries { return @(LinesOf (ReadOpen ($Node + '\starts'))).Count - 1 }
# the loop looks at the hold itself
function TaskHold { return }
function TaskLife($temp) { return $Node + '\life.json' }
# they are in this cluster's own folder
function TaskSessions { return '' }
function TaskPlace { return $Node }
# A program of the node's environment, by its name. CreateProcess would search the PATH of this process.
function FindProgram($argument) {
    if ([IO.Path]::IsPathRooted($argument)) { return $argument }
    foreach ($folder in ($Surroundings['PATH'] -split ';')) {
        foreach ($end in @('', '.exe')) {
            $file = $folder.Trim('"').TrimEnd('\') + '\' + $argument + $end
            if ($folder -and [IO.File]::Exists($file)) { return $file }
        }
    }
    return ''
}
function EnterNode { . ([ScriptBlock]::Create((ReadText ($Node + '\env.ps1')))) }
function TaskAsk($arguments, $given) {
    EnterNode
    $file = ''
    $rest = @()
    foreach ($argument in $arguments) {
        if ($file) { $rest = $rest + $argument; continue }
        $file = FindProgram $argument
        if (-not $file) { Fail ('there is no program ' + $argument + ' here') 'where.exe on that host shows where one is' }
    }
    return StartRun $file $rest $given
}
function TaskExec($arguments, $given) { return TaskAsk $arguments $given }
function TaskRays($posix, $windows, $arguments, $temp) {
    return TaskAsk (@('python', '-') + $arguments + @('', $temp)) $windows
}
function TaskCommand($arguments, $program) {
    EnterNode
    if (-not (FindProgram ($arguments[0]))) {
        Say ($arguments[0] + ': there is no such program')
        Emit 'missing' 127
        Emit 'hint' 'for a command of cmd.exe: cmd /c COMMAND'
        Finish 127
    }
    return $arguments
}
function TaskMissing($code, $arguments, $program) { return $false }
