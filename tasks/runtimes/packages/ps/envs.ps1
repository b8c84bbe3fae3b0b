# needs: lib
# The environments of this node.
$Envs = $Node + '\envs\'
# Whether an environment is complete: it has every file that its installation listed.
function EnvWhole($folder) {
    if (-not [IO.File]::Exists($folder + '\.complete')) { return $false }
    foreach ($name in (LinesOf (ReadText ($folder + '\.files')))) {
        if (-not [IO.File]::Exists($folder + '\' + $name)) { return $false }
    }
    return ([IO.File]::Exists($folder + '\python.exe') -and [IO.File]::Exists($folder + '\Scripts\ray.exe'))
}
function EnvFacts {
    if (-not [IO.Directory]::Exists($Node + '\envs')) { return }
    foreach ($folder in [IO.Directory]::GetDirectories($Node + '\envs', '*')) {
        if (EnvWhole $folder) { Emit 'env' ([IO.Path]::GetFileName($folder)) }
    }
    EmitText 'requirements' (LinesOf (ReadText ($Envs + (ReadText ($Node + '\env')).Trim() + '\requirements.lock')))
}
