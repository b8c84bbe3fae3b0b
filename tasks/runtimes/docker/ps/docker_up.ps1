# needs: lib docker node wait_ray
# values: CONTAINER_USER DIRECT OWN_NO_PROXY RUN STATE TEMP_DIR
# Replaces this node's container and waits for Ray.
NeedDocker
MakeNode
if ((NodeService) -ne 'none') {
    NoteSessions
    Step 'stopping the previous node'
    NodeDown
}
$null = Dk @('rm', '-f', '-v', $Unit) ''
Remove ($Node + '\hold')
Remove ($Node + '\state.json')
if (-not [IO.Directory]::Exists([IO.Path]::GetDirectoryName($RF_TEMP_DIR))) { WriteText ($Node + '\made-tmp') '' }
$null = [IO.Directory]::CreateDirectory($RF_TEMP_DIR)
Remove ($RF_TEMP_DIR + '\' + $Unit + '.json')
WriteText ($Node + '\service') 'docker'
WriteText ($Node + '\temp') $RF_TEMP_DIR
WriteText ($Node + '\user') $RF_CONTAINER_USER
# Docker reads the token from a file in our own folder, so that it is in no argument list.
$given = ''
if ($RF_TOKEN) {
    $given = 'RAY_AUTH_TOKEN=' + $RF_TOKEN + "`n"
    WriteText ($Node + '\token') $RF_TOKEN
}
$direct = $RF_DIRECT
if ($RF_OWN_NO_PROXY) { $direct = $RF_OWN_NO_PROXY + ',' + $direct }
WriteText ($Node + '\container.env') $given
Step 'starting the container'
$run = Dk (@('run', '--env-file', ($Node + '\container.env'), '--env', ('no_proxy=' + $direct), '--env', ('NO_PROXY=' + $direct)) + $RF_RUN) ''
Remove ($Node + '\container.env')
if ($run.Code -ne 0) {
    $null = Dk @('rm', '-f', $Unit) ''
    $hint = ''
    if ($run.Errors -match 'forbidden by its access permissions') {
        $hint = 'Windows reserves some of these ports (netsh int ipv4 show excludedportrange protocol=tcp): choose others under ray.ports'
    }
    $says = ($run.Errors -replace '(?m)^.*docker run --help.*$', '').Trim()
    Fail ('docker run failed: ' + (@(LastOf (LinesOf $says) 3) -join ' ')) $hint
}
WaitRay
WriteText ($Node + '\state.json') $RF_STATE
