# needs: lib about docker
# What the engine can give to a container.
function DockerGives {
    $told = 'cpus {{.NCPU}}{{println}}memory {{.MemTotal}}{{println}}system {{.OperatingSystem}}{{println}}arch {{.Architecture}}{{println}}'
    $told = $told + '{{range .SecurityOptions}}option {{println .}}{{end}}{{range $name, $_ := .Runtimes}}runtime {{println $name}}{{end}}'
    $run = Dk @('info', '--format', $told) ''
    EmitText 'engine' (LinesOf $run.Said)
}
function DockerFacts {
    $problem = DockerProblem
    if ($problem) {
        Emit 'docker_problem' $problem
        if ($DockerSays) { Emit 'docker_says' $DockerSays }
        return
    }
    Emit 'docker' $DockerVersion
    # Ray will see the engine's virtual machine
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
    $run = Dk @('ps', '-a', '--no-trunc', '--filter', ('name=^/' + $Unit + '$'), '--format', '{{.ID}} {{.Image}}') ''
    EmitText 'container' (LinesOf $run.Said)
    DockerGives
}
DockerFacts
