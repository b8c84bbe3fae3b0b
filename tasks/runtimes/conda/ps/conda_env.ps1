# needs: lib conda files
# values: CONDA PREFIX
# Refuses a folder into which conda cannot be installed, before anything is fetched.
if (-not $RF_CONDA -and (OwnPath $RF_PREFIX) -match '[^\x21-\x7E]') {
    $state = CondaState (OwnPath $RF_PREFIX)
    if ($state -eq 'absent' -or $state -eq 'broken') {
        Fail ('conda cannot be installed into ' + (OwnPath $RF_PREFIX) + ': it contains a space or a character outside ASCII') 'let conda.prefix name another folder, as C:\miniconda3'
    }
}
