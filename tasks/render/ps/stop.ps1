if ((NodeService) -eq 'none') {
    Emit 'changed' 0
    Finish 0
}
NeedDocker
if ((NodeActive) -eq 'inactive') {
    Emit 'changed' 0
    Finish 0
}
Step 'stopping Ray'
NoteSessions
NodeDown
Emit 'changed' 1
