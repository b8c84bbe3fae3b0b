# needs: lib node
if ((NodeService) -eq 'none') {
    Emit 'changed' 0
    Finish 0
}
NeedNode
if ((NodeActive) -eq 'inactive') {
    # ended by hand, it would still start at the next boot
    NodeDown
    Emit 'changed' 0
    Finish 0
}
Step 'stopping Ray'
NoteSessions
NodeDown
Emit 'changed' 1
