# needs: lib
# Prints the head's token, which is the cluster's. If there is none yet, the one in RF_TOKEN is kept.
MakeNode
if (-not (ReadText ($Node + '\token'))) {
    if (-not $RF_TOKEN) { Fail 'there is no token on the head' 'fab deploy-cluster makes one' }
    WriteText ($Node + '\token') $RF_TOKEN
}
Emit 'token' ((ReadText ($Node + '\token')).Trim())
