# needs: lib files kind_task node outside_* wait_ray
# values: DIRECT ENV_DIR ENV_PS1 LOOP_JSON LOOP_PY OUTSIDE PRUNE_PY SERVICE STATE TASK_BOOT TASK_LOGON TEMP_DIR WATCH_PY
# Registers the loop as a task, starts it and waits for Ray.
MakeNode
if ((NodeService) -ne 'none') {
    NeedNode
    NoteSessions
    Step 'stopping the previous node'
    NodeDown
}
foreach ($name in @('\state.json', '\starts', '\start.log', '\start.log.1', '\loop.pid', '\life.json', '\hold')) { Remove ($Node + $name) }
if ($RF_TOKEN) { WriteText ($Node + '\token') $RF_TOKEN }
WriteText ($Node + '\env.ps1') $RF_ENV_PS1
WriteText ($Node + '\direct') $RF_DIRECT
WriteText ($Node + '\loop.py') $RF_LOOP_PY
WriteText ($Node + '\loop.json') $RF_LOOP_JSON
WriteText ($Node + '\watch.py') $RF_WATCH_PY
WriteText ($Node + '\prune.py') $RF_PRUNE_PY
WriteText ($Node + '\service') $RF_SERVICE
WriteText ($Node + '\temp') $RF_TEMP_DIR
$folder = $RF_ENV_DIR -replace '/', '\'
if ([IO.File]::Exists($Node + '\authorities.pem')) {
    # the system's authorities and those of mirrors.ca, for programs that know one list only
    $join = 'import ssl, sys; found = ssl.create_default_context().get_ca_certs(True); given = open(sys.argv[1]).read(); open(sys.argv[2], "w").write("".join(map(ssl.DER_cert_to_PEM_cert, found)) + given)'
    $Surroundings['PATH'] = $folder + ';' + $folder + '\Library\bin;' + $env:PATH
    $run = Run ($folder + '\python.exe') @('-c', $join, ($Node + '\authorities.pem'), ($Node + '\ca.pem')) ''
    if ($run.Code -ne 0) { Fail ('cannot write ' + $Node + '\ca.pem: ' + (OneLine $run.Errors.Trim())) ('free some space below ' + $UserHome) }
}
WriteText ($Node + '\env') ([IO.Path]::GetFileName($folder))
$null = [IO.Directory]::CreateDirectory($RF_TEMP_DIR)
Step 'starting Ray'
$me = [Security.Principal.WindowsIdentity]::GetCurrent().User.Value
$file = $Node + '\task.xml'
function Register($text) {
    # the Scheduler accepts only UTF-16
    [IO.File]::WriteAllText($file, ($text -replace '@ME@', $me), [Text.Encoding]::Unicode)
    return Task @('/Create', '/TN', $Unit, '/XML', $file, '/F')
}
$boot = (Register $RF_TASK_BOOT).Code -eq 0
if (-not $boot) {
    $run = Register $RF_TASK_LOGON
    if ($run.Code -ne 0) { Fail ('the Task Scheduler rejected the task ' + $Unit + ': ' + $run.Errors.Trim()) 'is the service Schedule running? look at: schtasks /Query' }
}
Remove $file
$name = [Environment]::UserName
$null = Task @('/Run', '/TN', $Unit)
if (-not $boot) {
    $tries = 0
    while (-not (LoopPid)) {
        $tries = $tries + 1
        if ($tries -gt 75) {
            NodeDown
            Fail ($name + ' is not logged in there, and only the tasks of administrators run without that') ('as administrator: net localgroup Administrators ' + $name + ' /add, or log in there and deploy again')
        }
        Nap 200
    }
    Emit 'note' ($name + ' is not an administrator there: Ray ends at the next log-off and comes back only when ' + $name + ' logs in; as an administrator it starts at boot')
}
WaitRay
WriteText ($Node + '\state.json') $RF_STATE
foreach ($name in ($RF_OUTSIDE -split ' ')) { & ($name + 'Entered') $folder }
foreach ($other in [IO.Directory]::GetDirectories($Node + '\envs', '*')) {
    if ($other -ne $folder) { try { RemoveTree $other } catch { $null = $_ } }
}
