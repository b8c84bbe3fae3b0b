if ((NodeService) -eq 'none') {
    Emit 'changed' 0
    Finish 0
}
if ((NodeService) -eq 'docker') { NeedDocker }
if ((NodeActive) -eq 'inactive') {
    # its loop ended by hand, it would still come back at the next boot
    if ((NodeService) -eq 'task') { NodeDown }
    Emit 'changed' 0
    Finish 0
}
Step 'stopping Ray'
NoteSessions
NodeDown
Emit 'changed' 1
