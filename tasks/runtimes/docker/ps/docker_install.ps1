# needs: lib about docker
# values: IMAGE
# Pulls the image if it is not on this host, and reads its versions.
MakeNode
NeedDocker
if (-not (ImageHere)) {
    Step ('pulling ' + $RF_IMAGE)
    # not empty, or docker would look for a credential store, which fails without a desktop
    $null = [IO.Directory]::CreateDirectory($Node + '\docker-config')
    WriteText ($Node + '\docker-config\config.json') '{"auths": {"https://index.docker.io/v1/": {}}}'
    $began = [DateTime]::UtcNow
    $shown = 0
    $layers = 0
    $run = BeginDk @('pull', $RF_IMAGE) ''
    while ($null -ne ($line = $run.Reader.ReadLine())) {
        if ($line -match 'Pull complete') { $layers = $layers + 1 }
        $passed = [int]([DateTime]::UtcNow - $began).TotalSeconds
        if ($passed -gt $shown + 1) {
            $shown = $passed
            Step ('pulling ' + $RF_IMAGE + ', ' + $passed + ' s, ' + $layers + ' layers')
        }
    }
    EndRun $run
    if ($run.Code -ne 0) {
        $says = OneLine ($run.Errors.Trim())
        EmitText 'log' (LastOf (LinesOf $run.Errors) 5)
        if ($says -match 'no space') { Fail ('no space for the image ' + $RF_IMAGE) "free some space in Docker Desktop's disk: docker system df" }
        if ($says -match 'not found|manifest unknown|does not exist') { Fail ('there is no image ' + $RF_IMAGE) 'valid names are in the manual, docs/guides/docker.md' }
        Fail ('cannot pull ' + $RF_IMAGE + ': ' + $says) 'is the registry reachable from this host? registry-mirrors in the settings of Docker Desktop (Docker Engine) names a mirror'
    }
    Emit 'changed' 1
}
$here = ImageHere
EmitText 'image' @($here)
$id = ($here -split ' ')[0]
# Reading the versions takes a container, so they are kept with the image's id.
$kept = (ReadText ($Node + '\image')).Trim()
if (-not $kept.StartsWith($id + ' ')) {
    Step "reading the image's versions"
    $ask = 'import platform, os, ray; print("RF", ray.__version__, platform.python_version(), f"{os.getuid()}:{os.getgid()}")'
    $run = Dk @('run', '--rm', '--network', 'none', '--entrypoint', 'python', $RF_IMAGE, '-c', $ask) ''
    if ($run.Said -notmatch '(?m)^RF (.*?)\r?$') {
        EmitText 'log' (LastOf (LinesOf $run.Errors) 5)
        Fail ('the image ' + $RF_IMAGE + ' cannot run ray') ('docker run --rm --entrypoint python ' + $RF_IMAGE + ' -c "import ray"')
    }
    $kept = $id + ' ' + $Matches[1]
    WriteText ($Node + '\image') $kept
}
Emit 'image_versions' (($kept -split ' ', 2)[1])
