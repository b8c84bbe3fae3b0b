# needs: lib
# Docker Desktop's command, and why its engine does not answer.
$DockerState = $null
$DockerExe = ''
$DockerVersion = ''
$DockerSays = ''
function FindDocker {
    # the sshd service has the PATH from when it was started; the registry has the current one
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
function BeginDk($arguments, $given) { return StartRun $DockerExe $arguments $given }
function Dk($arguments, $given) { return Run $DockerExe $arguments $given }
# '' if the engine answers; else missing, stopped, denied or windows (it runs Windows containers)
function DockerProblem {
    if ($null -eq $DockerState) { $script:DockerState = AskDocker }
    return $DockerState
}
function AskDocker {
    $script:DockerExe = FindDocker
    if (-not $DockerExe) { return 'missing' }
    # The user's own configuration names a credential helper that fails without a desktop, so it is not used.
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
