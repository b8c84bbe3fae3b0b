# values: ENV_NAME
# The name of the node's environment, for outside_conda.ps1.
$CondaName = $RF_ENV_NAME
