# needs: lib kind_*
# A node and what keeps it alive. Each kind of service has a fragment kind_*.ps1, which defines all of these functions:
#   KINDActive            active, activating or inactive
#   KINDNeed              prepares for the others; fails the script where it is not possible
#   KINDDown              stops it and prevents its start at the next boot
#   KINDGone              removes what it has outside of $Node, once it is stopped
#   KINDLog               the output of `ray start`; of that, only the last lines if a count is given and it can count them
#   KINDLogBefore         that before the last restart, too
#   KINDLastLog           its last lines become answers
#   KINDTries             how often it has been restarted
#   KINDHold              keeps it from being started again once it ends, where the loop cannot see to it
#   KINDLife              the path of the file in which the node's watch writes what it knows; given: Ray's folder
#   KINDRays              starts the program that looks at Ray's folders, with its arguments up to the days; given: that for
#                         Linux, that for Windows, the arguments, Ray's folder
#   KINDSessions          a text with the names of Ray's session folders, where these are in a folder that others use, too
#   KINDPlace             the folder in which a driver may unpack files; '': the one in which it starts
#   KINDExec, KINDAsk     start a command in the node's environment, with its input: both output streams as one, in
#                         order, or a separate error stream
#   KINDCommand           the arguments that run a command of the user; ends the script where it sees that there is none
#   KINDMissing           whether a command that ended with this status does not exist
function NodeService {
    $kind = (ReadText ($Node + '\service')).Trim()
    if ($kind) { return $kind }
    return 'none'
}
function NoneActive { return 'inactive' }
function NoneLastLog($count) { return }
function NoneHold { return }
function NodeActive { return & ((NodeService) + 'Active') }
function NodeDown { & ((NodeService) + 'Down') }
function NodeGone { & ((NodeService) + 'Gone') }
function NodeLog { return & ((NodeService) + 'Log') '' }
function NodeLogBefore { return & ((NodeService) + 'LogBefore') }
function NodeLastLog($count) { & ((NodeService) + 'LastLog') $count }
function NodeTries { return & ((NodeService) + 'Tries') }
function NodeHold { & ((NodeService) + 'Hold') }
function NodeLife { return & ((NodeService) + 'Life') (NodeTemp) }
function NodeRays($posix, $windows, $arguments) { return & ((NodeService) + 'Rays') $posix $windows $arguments (NodeTemp) }
function NodePlace { return & ((NodeService) + 'Place') }
function NodeExec($arguments, $given) { return & ((NodeService) + 'Exec') $arguments $given }
function NodeAsk($arguments, $given) { return & ((NodeService) + 'Ask') $arguments $given }
function NodeCommand($arguments, $program) { return & ((NodeService) + 'Command') $arguments $program }
function NodeMissing($code, $arguments, $program) { return & ((NodeService) + 'Missing') $code $arguments $program }
function NeedNode {
    if ((NodeService) -eq 'none') { Fail "this cluster has no node on this host" 'fab deploy-cluster starts it' }
    & ((NodeService) + 'Need')
}
# Collects the names of this node's session folders, which `destroy` removes.
function NoteSessions {
    $text = & ((NodeService) + 'Sessions')
    if (-not $text) { return }
    $known = @(LinesOf (ReadText ($Node + '\sessions')))
    foreach ($found in [regex]::Matches($text, '/session_[0-9_-]+')) {
        $name = $found.Value.Substring(1)
        if ($known -notcontains $name) { $known = $known + $name }
    }
    WriteText ($Node + '\sessions') ((@($known) -join "`n") + "`n")
}
# Windows cannot follow the links that Docker Desktop makes, so the newest session is found by name.
function NewestLogs($folder) {
    $newest = ''
    if ([IO.Directory]::Exists($folder)) {
        foreach ($path in [IO.Directory]::GetDirectories($folder, 'session_2*')) {
            $logs = $path + '\logs'
            if ([IO.Directory]::Exists($logs) -and [string]::CompareOrdinal($logs, $newest) -gt 0) { $newest = $logs }
        }
    }
    return $newest
}
# Ray's temporary folder on this host, as the last start recorded it.
function NodeTemp {
    $kept = (ReadText ($Node + '\temp')).Trim()
    if ($kept) { return $kept }
    return $UserHome + '\tmp\ray'
}
function SayAll($run) {
    while ($null -ne ($line = $run.Reader.ReadLine())) { Say $line }
    EndRun $run
    foreach ($line in (LinesOf $run.Errors)) { Say $line }
}
