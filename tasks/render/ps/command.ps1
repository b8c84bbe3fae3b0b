# One command in the node's own environment; what it says is chatter, passed on line by line.
NeedNode
$run = NodeExec $RF_COMMAND ''
SayAll $run
Finish ($run.Code)
