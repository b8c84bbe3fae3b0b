# One program in the node's own environment; what it says is chatter, passed on line by line.
NeedNode
$words = $RF_COMMAND
$docker = (NodeService) -eq 'docker'
if ($docker) {
    $words = @('sh', '-c', $RF_PROGRAM, 'run') + $words
} else {
    EnterNode
    if (-not (FindProgram ($RF_COMMAND[0]))) {
        Say ($RF_COMMAND[0] + ': there is no such program')
        Emit 'missing' 127
        Emit 'hint' 'a command of cmd.exe goes behind: cmd /c'
        Finish 127
    }
}
$run = NodeExec $words ''
SayAll $run
if ($docker -and ($run.Code -eq 126 -or $run.Code -eq 127)) {
    # a program may end so by itself
    $find = NodeExec (@('sh', '-c', $RF_PROGRAM, 'find') + $RF_COMMAND) ''
    EndRun $find
    if ($find.Code -ne 0) { Emit 'missing' $run.Code }
}
Finish ($run.Code)
