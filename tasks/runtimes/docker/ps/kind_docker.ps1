# Docker Desktop's command, and the words for whatever keeps its engine from answering.
$DockerState = $null
$DockerExe = ''
$DockerVersion = ''
$DockerSays = ''
function FindDocker {
    # the service of sshd knows the PATH of the day it was started; the registry knows today's
    $folders = @($env:PATH -split ';')
    $folders = $folders + ([Environment]::GetEnvironmentVariable('Path', 'Machine') -split ';')
    $folders = $folders + ([Environment]::GetEnvironmentVariable('Path', 'User') -split ';')
    $folders = $folders + ($env:ProgramFiles + '\Docker\Docker\resources\bin')
    $folders = $folders + ($env:LOCALAPPDATA + '\Programs\DockerDesktop\resources\bin')
    foreach ($folder in $folders) {
        $file = $folder.Trim('"').TrimEnd('\') + '\docker.exe'
        if ($folder -and [IO.File]::Exists($file)) { return $file }
    }
    return ''
}
function BeginDk($words, $given) { return StartRun $DockerExe $words $given }
function Dk($words, $given) { return Run $DockerExe $words $given }
# '' when the engine answers; else missing | stopped | denied | windows
function DockerProblem {
    if ($null -eq $DockerState) { $script:DockerState = AskDocker }
    return $DockerState
}
function AskDocker {
    $script:DockerExe = FindDocker
    if (-not $DockerExe) { return 'missing' }
    # The user's own settings name a helper for passwords that fails without a desktop, so they are passed over.
    $Surroundings['DOCKER_CONFIG'] = $Node + '\docker-config'
    $ask = @('version', '--format', '{{.Server.Version}} {{.Server.Os}}')
    $run = Dk $ask ''
    if ($run.Code -ne 0 -and -not $env:DOCKER_HOST) {
        $Surroundings['DOCKER_HOST'] = 'npipe:////./pipe/dockerDesktopLinuxEngine'
        $second = Dk $ask ''
        if ($second.Code -eq 0) { $run = $second } else { $Surroundings.Remove('DOCKER_HOST') }
    }
    $script:DockerSays = OneLine ($run.Errors.Trim())
    if ($run.Code -ne 0) {
        if ($run.Errors -match 'denied') { return 'denied' }
        return 'stopped'
    }
    $said = $run.Said.Trim() -split ' '
    $script:DockerVersion = $said[0]
    if ($said[1] -eq 'windows') { return 'windows' }
    return ''
}
function NeedDocker {
    $problem = DockerProblem
    if ($problem -eq 'windows') { Fail 'Docker Desktop runs Windows containers' 'switch it to Linux containers' }
    if ($problem) { Fail ("Docker's engine does not answer: " + $problem + ' ' + $DockerSays) 'look at: docker version' }
}
# Id, platform, date, layers and digests of the image in one line, '' if it is not there.
function ImageHere {
    $run = Dk @('image', 'inspect', '--format', '{{.Id}} {{.Os}}/{{.Architecture}} {{.Created}} {{range .RootFS.Layers}}{{.}},{{end}} {{range .RepoDigests}}{{.}},{{end}}', $RF_IMAGE) ''
    if ($run.Code -ne 0) { return '' }
    return $run.Said.Trim()
}
function DockerFacts {
    $problem = DockerProblem
    if ($problem) {
        Emit 'docker_problem' $problem
        if ($DockerSays) { Emit 'docker_says' $DockerSays }
        return
    }
    Emit 'docker' $DockerVersion
    # what Ray will see is the engine's virtual machine
    $machine = @((Dk @('info', '--format', '{{.NCPU}} {{.MemTotal}}') '').Said.Trim() -split ' ')
    if ($machine.Count -eq 2) {
        Emit 'cpus' ($machine[0])
        Emit 'mem_bytes' ($machine[1])
    }
    $here = ImageHere
    if ($here) { EmitText 'image' @($here) }
    $kept = (ReadText ($Node + '\image')).Trim()
    if ($here -and $kept.StartsWith(($here -split ' ')[0] + ' ')) {
        Emit 'image_versions' (($kept -split ' ', 2)[1])
    }
    $run = Dk @('ps', '-a', '--no-trunc', '--filter', ('name=^/' + $RF_UNIT + '$'), '--format', '{{.ID}} {{.Image}}') ''
    EmitText 'container' (LinesOf $run.Said)
    DockerGives
}
