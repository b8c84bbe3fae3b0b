# needs: lib node task
# values: COMMAND PROGRAM
# Runs one program in the node's environment. Its output is chatter, passed on line by line.
NeedNode
$arguments = $RF_COMMAND
$docker = (NodeService) -eq 'docker'
if ($docker) {
    $arguments = @('sh', '-c', $RF_PROGRAM, 'run') + $arguments
} else {
    EnterNode
    if (-not (FindProgram ($RF_COMMAND[0]))) {
        Say ($RF_COMMAND[0] + ': there is no such program')
        Emit 'missing' 127
        Emit 'hint' 'for a command of cmd.exe: cmd /c COMMAND'
        Finish 127
    }
}
$run = NodeExec $arguments ''
SayAll $run
if ($docker -and ($run.Code -eq 126 -or $run.Code -eq 127)) {
    # a program may end with this status itself
    $find = NodeExec (@('sh', '-c', $RF_PROGRAM, 'find') + $RF_COMMAND) ''
    EndRun $find
    if ($find.Code -ne 0) { Emit 'missing' $run.Code }
}
Finish ($run.Code)
