# needs: lib node
# values: COMMAND PROGRAM
# Runs one program in the node's environment. Its output is chatter, passed on line by line.
NeedNode
$run = NodeExec @(NodeCommand $RF_COMMAND $RF_PROGRAM) ''
SayAll $run
if (NodeMissing $run.Code $RF_COMMAND $RF_PROGRAM) { Emit 'missing' $run.Code }
Finish ($run.Code)
