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
