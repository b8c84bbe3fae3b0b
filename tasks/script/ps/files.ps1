# needs: lib
# Files and folders of Windows, and the programs that come with it.
function Tool($name) { return $env:SystemRoot + '\System32\' + $name + '.exe' }
# Opened for reading beside the one who writes.
function OpenLog($path) { return [IO.File]::Open($path, 'Open', 'Read', 'ReadWrite, Delete') }
# The text of a file that somebody still writes.
function ReadOpen($path) {
    if (-not [IO.File]::Exists($path)) { return '' }
    try { $file = OpenLog $path } catch { return '' }
    $reader = [IO.StreamReader]::new($file, $Utf8)
    $text = $reader.ReadToEnd()
    $reader.Close()
    return $text
}
# A folder with all that is in it, also what may not be written; a junction goes without what it leads to.
function RemoveTree($path) {
    if (-not [IO.Directory]::Exists($path)) { return }
    try { [IO.Directory]::Delete($path, $true) }
    catch {
        # what may not be written, and what has more than 260 letters, robocopy can empty
        $empty = $Root + '\.empty'
        $null = [IO.Directory]::CreateDirectory($empty)
        $null = Run (Tool 'robocopy') @($empty, $path, '/MIR', '/XJ', '/R:1', '/W:1', '/NFL', '/NDL', '/NJH', '/NJS') ''
        [IO.Directory]::Delete($empty)
        [IO.Directory]::Delete($path, $true)
    }
}
