# needs: lib files node
# values: ARCHIVE COMMAND DRIVER SPEC
# Submits a job to Ray's job server, or follows or stops one. The driver reads the job's folder as an archive from standard input.
NeedNode
if ($RF_JOB_ENV) { Fail 'variables of a job are not available on Windows yet' 'runtime_env in ray.init of the job has them' }
# archives of runs whose connection broke before this script started
foreach ($path in [IO.Directory]::GetFiles($Node, 'rayfab-job-*')) {
    if ([IO.File]::GetLastWriteTimeUtc($path) -lt [DateTime]::UtcNow.AddDays(-1)) { Remove $path }
}
$given = ''
$folder = ''
$place = NodePlace
if ($RF_ARCHIVE) {
    # unlinked but open: it is gone however this script ends
    $given = OpenLog $RF_ARCHIVE
    Remove $RF_ARCHIVE
    $folder = 'folder'
}
$run = NodeExec (@('python', '-W', 'ignore', '-c', $RF_DRIVER, $RF_SPEC, $place, $folder, '', '') + $RF_COMMAND) $given
SayAll $run
Finish ($run.Code)
