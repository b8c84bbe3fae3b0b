# needs: lib
# Files and folders of Windows, and the programs that come with it.
function Tool($name) { return $env:SystemRoot + '\System32\' + $name + '.exe' }
# Opens a file that another program may be writing.
function OpenLog($path) { return [IO.File]::Open($path, 'Open', 'Read', 'ReadWrite, Delete') }
# The text of a file that another program may be writing.
function ReadOpen($path) {
    if (-not [IO.File]::Exists($path)) { return '' }
    try { $file = OpenLog $path } catch { return '' }
    $reader = [IO.StreamReader]::new($file, $Utf8)
    $text = $reader.ReadToEnd()
    $reader.Close()
    return $text
}
# Removes a folder with all that is in it, read-only files too; of a junction, not the folder that it leads to.
function RemoveTree($path) {
    if (-not [IO.Directory]::Exists($path)) { return }
    try { [IO.Directory]::Delete($path, $true) }
    catch {
        # robocopy can also empty read-only folders and paths of more than 260 characters
        $empty = $Root + '\.empty'
        $null = [IO.Directory]::CreateDirectory($empty)
        $null = Run (Tool 'robocopy') @($empty, $path, '/MIR', '/XJ', '/R:1', '/W:1', '/NFL', '/NDL', '/NJH', '/NJS') ''
        [IO.Directory]::Delete($empty)
        [IO.Directory]::Delete($path, $true)
    }
}
