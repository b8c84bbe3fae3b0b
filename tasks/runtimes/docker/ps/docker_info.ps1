# What the engine can give to a container; one that answers nothing gives nothing.
function DockerGives {
    $told = 'cpus {{.NCPU}}{{println}}memory {{.MemTotal}}{{println}}system {{.OperatingSystem}}{{println}}arch {{.Architecture}}{{println}}'
    $told = $told + '{{range .SecurityOptions}}option {{println .}}{{end}}{{range $name, $_ := .Runtimes}}runtime {{println $name}}{{end}}'
    $run = Dk @('info', '--format', $told) ''
    EmitText 'engine' (LinesOf $run.Said)
}
