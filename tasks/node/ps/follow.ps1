# needs: lib files node
# values: LINES_EACH PATTERNS
# Follows the chosen files by their sizes; the files of a new session (Ray was restarted) are followed as well.
function Live($path, $lines) {
    foreach ($line in $lines) { Say ('|' + [IO.Path]::GetFileName($path) + '| ' + $line) }
}
$temp = NodeTemp
$at = @{}
$rest = @{}
$first = $true
while ($true) {
    $logs = NewestLogs $temp
    foreach ($pattern in $RF_PATTERNS) {
        if ($pattern -ne 'start' -and -not $logs) { continue }
        $paths = @()
        if ($pattern -ne 'start') { $paths = [IO.Directory]::GetFiles($logs, $pattern) }
        elseif ([IO.File]::Exists($Node + '\start.log')) { $paths = @($Node + '\start.log') }
        foreach ($path in $paths) {
            if (-not $at.ContainsKey($path)) {
                $at[$path] = 0
                $rest[$path] = ''
            }
            # Ray may have rotated it meanwhile
            try { $file = OpenLog $path } catch { continue }
            $size = $file.Length
            if ($first -and $size -gt 1048576) { $at[$path] = $size - 1048576 }
            if ($size -gt $at[$path]) {
                $null = $file.Seek($at[$path], 'Begin')
                $bytes = [byte[]]::new($size - $at[$path])
                $count = $file.Read($bytes, 0, $bytes.Length)
                $text = $rest[$path] + $Utf8.GetString($bytes, 0, $count)
                $whole = $text.LastIndexOf("`n") + 1
                $rest[$path] = $text.Substring($whole)
                $lines = LinesOf ($text.Substring(0, $whole))
                if ($first) { $lines = LastOf $lines ([int]$RF_LINES_EACH) }
                Live $path $lines
                $at[$path] = $at[$path] + $count
            }
            $file.Close()
        }
    }
    $first = $false
    Nap 1000
    # only writing shows that the reader has disconnected
    Tell 'alive'
}
