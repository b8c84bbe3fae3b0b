# The head's token is the cluster's; where there is none yet, the offered one becomes it.
MakeNode
if (-not (ReadText ($Node + '\token'))) {
    if (-not $RF_TOKEN) { Fail 'there is no token on the head' 'fab deploy-cluster makes one' }
    WriteText ($Node + '\token') $RF_TOKEN
}
Emit 'token' ((ReadText ($Node + '\token')).Trim())
