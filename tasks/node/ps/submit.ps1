# A job through Ray's own job server. Its folder goes to the driver as an archive on standard input.
NeedNode
# what was left by runs whose connection broke before this script began
foreach ($path in [IO.Directory]::GetFiles($Node, 'rayfab-job-*')) {
    if ([IO.File]::GetLastWriteTimeUtc($path) -lt [DateTime]::UtcNow.AddDays(-1)) { Remove $path }
}
$given = ''
$place = ''
$folder = ''
$wait = ''
if ((NodeService) -eq 'task') { $place = $Node }
if ($RF_ARCHIVE) {
    # without its name it is gone however this ends
    $given = OpenLog $RF_ARCHIVE
    Remove $RF_ARCHIVE
    $folder = 'folder'
}
if ($RF_WAIT) { $wait = 'wait' }
$run = NodeExec (@('python', '-W', 'ignore', '-c', $RF_DRIVER, $RF_ADDRESS, $place, $folder, $wait, $RF_USER_AT) + $RF_WORDS) $given
SayAll $run
Finish ($run.Code)
