# A job through Ray's own job server; the folder lies where both the host and the container see it.
NeedNode
$temp = NodeTemp
$work = ''
$seen = ''
$wait = ''
$code = 1
try {
    if ($RF_ARCHIVE) {
        $name = 'rayfab-job-' + [Guid]::NewGuid().ToString('N')
        $work = $temp + '\' + $name
        $null = [IO.Directory]::CreateDirectory($work)
        [IO.File]::Move($RF_ARCHIVE, $work + '\job.tar.gz')
        if ((NodeService) -eq 'task') {
            $null = [IO.Directory]::CreateDirectory($work + '\job')
            $run = Run (Tool 'tar') @('-xzf', ($work + '\job.tar.gz'), '-C', ($work + '\job')) ''
            if ($run.Code -ne 0) { Fail ("cannot unpack the job's folder: " + $run.Errors) }
            Remove ($work + '\job.tar.gz')
            $seen = $work + '\job'
        } else {
            # the container's tar: links and names in it need not be ones that Windows knows
            $open = 'mkdir "$1/job" && tar -xzf "$1/job.tar.gz" -C "$1/job" && rm -f "$1/job.tar.gz" && chmod -R a+rX "$1"'
            $run = Dk @('exec', '--user', '0', $RF_UNIT, 'sh', '-c', $open, 'sh', ('/tmp/ray/' + $name)) ''
            if ($run.Code -ne 0) { Fail ("cannot unpack the job's folder: " + $run.Errors) }
            $seen = '/tmp/ray/' + $name + '/job'
        }
    }
    if ($RF_WAIT) { $wait = 'wait' }
    $run = NodeExec (@('python', '-W', 'ignore', '-', $RF_ADDRESS, $seen, $wait, $RF_USER_AT) + $RF_WORDS) $RF_DRIVER
    SayAll $run
    $code = $run.Code
} finally {
    if ($RF_ARCHIVE) { Remove $RF_ARCHIVE }
    if ($work -and (NodeService) -eq 'docker') { $null = Dk @('exec', '--user', '0', $RF_UNIT, 'rm', '-rf', ('/tmp/ray/' + $name)) '' }
    if ($work -and [IO.Directory]::Exists($work)) { [IO.Directory]::Delete($work, $true) }
}
Finish $code
