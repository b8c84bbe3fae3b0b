# Only one's own: the file's text names the holder.
$mine = ([string]$env:SSH_CONNECTION -replace '%\S*', '').Trim()
if (-not $mine) { $mine = '- - - -' }
if ((ReadText ($Node + '\lock')) -ceq ($mine + ' ' + $RF_HOLDER)) { Remove ($Node + '\lock') }
try {
    Remove ($Node + '\lock.gate')
    [IO.Directory]::Delete($Node)
    [IO.Directory]::Delete($Root)
} catch { $null = $_ }
