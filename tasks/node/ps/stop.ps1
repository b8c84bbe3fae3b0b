# needs: lib docker node
if ((NodeService) -eq 'none') {
    Emit 'changed' 0
    Finish 0
}
if ((NodeService) -eq 'docker') { NeedDocker }
if ((NodeActive) -eq 'inactive') {
    # if only its loop was ended, it would start again at the next boot
    if ((NodeService) -eq 'task') { NodeDown }
    Emit 'changed' 0
    Finish 0
}
Step 'stopping Ray'
NoteSessions
NodeDown
Emit 'changed' 1
