# needs: lib docker files task
# A node in a container of Docker Desktop, with its restart policy, or under a scheduled task (task.ps1).
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
    $run = Dk @('inspect', '-f', '{{.State.Status}}', $Unit) ''
    if ($run.Said.Trim() -eq 'running') { return 'active' }
    if ($run.Said.Trim() -eq 'restarting') { return 'activating' }
    return 'inactive'
}
# a container is stopped, not removed, so that its log can still be read
function NodeDown {
    if ((NodeService) -eq 'task') {
        TaskDown
        return
    }
    $run = Dk @('stop', $Unit) ''
    if ($run.Code -ne 0 -and (Dk @('ps', '-q', '-f', ('name=^/' + $Unit + '$')) '').Said.Trim()) {
        Fail ('cannot stop the container ' + $Unit) 'look at: docker ps'
    }
}
# The output of `ray start`, from both streams of a container.
function NodeLog($count) {
    if ((NodeService) -eq 'task') { return @(LinesOf (ReadOpen ($Node + '\start.log'))) }
    $arguments = @('logs')
    if ($count) { $arguments = $arguments + @('--tail', $count) }
    $run = Dk ($arguments + $Unit) ''
    return @(LinesOf $run.Said) + @(LinesOf $run.Errors)
}
function NodeLogBefore {
    if ((NodeService) -eq 'docker') { return @(NodeLog '') }
    return @(LinesOf (ReadOpen ($Node + '\start.log.1'))) + @(NodeLog '')
}
function NodeTries {
    if ((NodeService) -eq 'task') { return @(LinesOf (ReadOpen ($Node + '\starts'))).Count - 1 }
    $said = (Dk @('inspect', '-f', '{{.RestartCount}}', $Unit) '').Said.Trim()
    if ($said) { return [int]$said }
    return 0
}
# Collects the names of this node's session folders, which `destroy` removes.
function NoteSessions {
    # a task's sessions are in this cluster's own folder
    if ((NodeService) -ne 'docker') { return }
    $known = @(LinesOf (ReadText ($Node + '\sessions')))
    $arguments = Dk @('exec', $Unit, 'sh', '-c', "cat /proc/[0-9]*/cmdline | tr '\0' ' '") ''
    $text = (@(NodeLog '') -join ' ') + ' ' + $arguments.Said
    foreach ($found in [regex]::Matches($text, '/session_[0-9_-]+')) {
        $name = $found.Value.Substring(1)
        if ($known -notcontains $name) { $known = $known + $name }
    }
    WriteText ($Node + '\sessions') ((@($known) -join "`n") + "`n")
}
# Windows cannot follow the links that Docker Desktop makes, so the newest session is found by name.
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
# Ray's temporary folder on this host, as the last start recorded it.
function NodeTemp {
    $kept = (ReadText ($Node + '\temp')).Trim()
    if ($kept) { return $kept }
    return $UserHome + '\tmp\ray'
}
# The arguments of docker exec; in a container that started as root the command would run as root.
function Inside($arguments) {
    $user = (ReadText ($Node + '\user')).Trim()
    if ($user) { return @('exec', '-i', '--user', $user, $Unit) + $arguments }
    return @('exec', '-i', $Unit) + $arguments
}
# Starts a command in the node's environment, with its input; both output streams as one, in order.
function NodeExec($arguments, $given) {
    if ((NodeService) -eq 'task') { return BeginHere $arguments $given }
    return BeginDk (Inside (@('sh', '-c', 'exec "$@" 2>&1', 'sh') + $arguments)) $given
}
# The same with a separate error stream.
function NodeAsk($arguments, $given) {
    if ((NodeService) -eq 'task') { return BeginHere $arguments $given }
    return BeginDk (Inside $arguments) $given
}
function SayAll($run) {
    while ($null -ne ($line = $run.Reader.ReadLine())) { Say $line }
    EndRun $run
    foreach ($line in (LinesOf $run.Errors)) { Say $line }
}
function NeedNode {
    if ((NodeService) -eq 'none') { Fail "this cluster has no node on this host" 'fab deploy-cluster starts it' }
    if ((NodeService) -eq 'docker') { NeedDocker }
}
