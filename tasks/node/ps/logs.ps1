# needs: lib files node
# values: LINES_EACH PATTERNS
# The last lines of the chosen files. They are read on the host, so Ray need not be running.
$temp = NodeTemp
$logs = NewestLogs $temp
if (-not $logs) { Emit 'note' ('no Ray session in ' + $temp) }
foreach ($pattern in $RF_PATTERNS) {
    if ($pattern -eq 'start') {
        NodeLastLog $RF_LINES_EACH
        continue
    }
    if (-not $logs) { continue }
    foreach ($path in [IO.Directory]::GetFiles($logs, $pattern)) {
        # Ray may have rotated it meanwhile
        try { $file = OpenLog $path } catch { continue }
        $most = 65536 + 1024 * [long]$RF_LINES_EACH
        if ($file.Length -gt $most) { $null = $file.Seek(-$most, 'End') }
        $reader = [IO.StreamReader]::new($file, $Utf8)
        $last = LastOf (LinesOf ($reader.ReadToEnd())) ([int]$RF_LINES_EACH)
        $reader.Close()
        EmitText ('log:' + [IO.Path]::GetFileName($path)) $last
    }
}
