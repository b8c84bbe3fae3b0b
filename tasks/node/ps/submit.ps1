# needs: lib files node
# values: ADDRESS ARCHIVE COMMAND DRIVER JOB USER_AT WAIT
# Submits a job to Ray's job server. The driver reads the job's folder as an archive from standard input.
NeedNode
# archives of runs whose connection broke before this script started
foreach ($path in [IO.Directory]::GetFiles($Node, 'rayfab-job-*')) {
    if ([IO.File]::GetLastWriteTimeUtc($path) -lt [DateTime]::UtcNow.AddDays(-1)) { Remove $path }
}
$given = ''
$folder = ''
$wait = ''
$place = NodePlace
if ($RF_ARCHIVE) {
    # unlinked but open: it is gone however this script ends
    $given = OpenLog $RF_ARCHIVE
    Remove $RF_ARCHIVE
    $folder = 'folder'
}
if ($RF_WAIT) { $wait = 'wait' }
$run = NodeExec (@('python', '-W', 'ignore', '-c', $RF_DRIVER, $RF_ADDRESS, $place, $folder, $wait, $RF_USER_AT, $RF_JOB) + $RF_COMMAND) $given
SayAll $run
Finish ($run.Code)
