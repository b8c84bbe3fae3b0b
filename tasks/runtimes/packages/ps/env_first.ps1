# needs: lib envs kind_task
# values: ENV_ID
# Ends the script if the environment is complete: then nothing is downloaded or installed.
MakeNode
$folder = $Envs + $RF_ENV_ID
if (EnvWhole $folder) {
    Emit 'changed' 0
    Finish 0
}
