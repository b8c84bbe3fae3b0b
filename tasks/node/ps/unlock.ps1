# needs: lib
# values: HOLDER
# Removes the lock only if this run holds it.
$mine = ([string]$env:SSH_CONNECTION -replace '%\S*', '').Trim()
if (-not $mine) { $mine = '- - - -' }
if ((ReadText ($Node + '\lock')) -ceq ($mine + ' ' + $RF_HOLDER)) { Remove ($Node + '\lock') }
try {
    Remove ($Node + '\lock.gate')
    [IO.Directory]::Delete($Node)
    [IO.Directory]::Delete($Root)
} catch { $null = $_ }
