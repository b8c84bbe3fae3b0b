# needs: lib docker
# A node in a container of Docker Desktop, which Docker's restart policy keeps alive.
function DockerActive {
    if (DockerProblem) { return 'inactive' }
    $run = Dk @('inspect', '-f', '{{.State.Status}}', $Unit) ''
    if ($run.Said.Trim() -eq 'running') { return 'active' }
    if ($run.Said.Trim() -eq 'restarting') { return 'activating' }
    return 'inactive'
}
function DockerNeed { NeedDocker }
# stopped, not removed, so that its log can still be read
function DockerDown {
    $run = Dk @('stop', $Unit) ''
    if ($run.Code -ne 0 -and (Dk @('ps', '-q', '-f', ('name=^/' + $Unit + '$')) '').Said.Trim()) {
        Fail ('cannot stop the container ' + $Unit) 'look at: docker ps'
    }
}
function DockerGone {
    $run = Dk @('rm', '-f', '-v', $Unit) ''
    if ($run.Code -ne 0 -and (Dk @('ps', '-aq', '-f', ('name=^/' + $Unit + '$')) '').Said.Trim()) {
        Fail ('cannot remove the container ' + $Unit) 'look at: docker ps -a'
    }
}
# from both streams of the container
function DockerLog($count) {
    $arguments = @('logs')
    if ($count) { $arguments = $arguments + @('--tail', $count) }
    $run = Dk ($arguments + $Unit) ''
    return @(LinesOf $run.Said) + @(LinesOf $run.Errors)
}
function DockerLogBefore { return DockerLog '' }
function DockerLastLog($count) {
    if (-not (DockerProblem)) { EmitText 'log:container' (DockerLog $count) }
}
function DockerTries {
    $said = (Dk @('inspect', '-f', '{{.RestartCount}}', $Unit) '').Said.Trim()
    if ($said) { return [int]$said }
    return 0
}
function DockerSessions {
    $arguments = Dk @('exec', $Unit, 'sh', '-c', "cat /proc/[0-9]*/cmdline | tr '\0' ' '") ''
    return (@(DockerLog '') -join ' ') + ' ' + $arguments.Said
}
function DockerHold {
    if (DockerProblem) { return }
    # a stopped container keeps the policy that it has; a start makes a new one
    $run = Dk @('update', '--restart=no', $Unit) ''
    if ($run.Code -ne 0 -and (Dk @('ps', '-q', '-f', ('name=^/' + $Unit + '$')) '').Said.Trim()) {
        Fail ('cannot change the restart policy of ' + $Unit) 'look at: docker ps'
    }
}
# in Ray's folder, which the container shares with the host
function DockerLife($temp) { return $temp + '\' + $Unit + '.json' }
function DockerPlace { return '' }
# The arguments of docker exec; in a container that started as root the command would run as root.
function Inside($arguments) {
    $user = (ReadText ($Node + '\user')).Trim()
    if ($user) { return @('exec', '-i', '--user', $user, $Unit) + $arguments }
    return @('exec', '-i', $Unit) + $arguments
}
function DockerExec($arguments, $given) {
    return BeginDk (Inside (@('sh', '-c', 'exec "$@" 2>&1', 'sh') + $arguments)) $given
}
function DockerAsk($arguments, $given) { return BeginDk (Inside $arguments) $given }
# of a stopped container another one sees the folders
function DockerRays($posix, $windows, $arguments, $temp) {
    NeedDocker
    $arguments = @('python', '-') + $arguments + @('', '/tmp/ray', '/var/tmp/ray')
    if ((DockerActive) -eq 'active') { return DockerAsk $arguments $posix }
    $image = (Dk @('inspect', '-f', '{{.Image}}', $Unit) '').Said.Trim()
    $user = (ReadText ($Node + '\user')).Trim()
    if (-not $user) { $user = (Dk @('inspect', '-f', '{{.Config.User}}', $Unit) '').Said.Trim() }
    $run = @('run', '--rm', '-i', '--network', 'none', '--volumes-from', $Unit)
    if ($user) { $run = $run + @('--user', $user) }
    return BeginDk ($run + @('--entrypoint', 'python', $image) + $arguments[1..($arguments.Count - 1)]) $posix
}
function DockerCommand($arguments, $program) { return @('sh', '-c', $program, 'run') + $arguments }
function DockerMissing($code, $arguments, $program) {
    if ($code -ne 126 -and $code -ne 127) { return $false }
    # a program may end with this status itself
    $find = DockerExec (@('sh', '-c', $program, 'find') + $arguments) ''
    EndRun $find
    return $find.Code -ne 0
}
