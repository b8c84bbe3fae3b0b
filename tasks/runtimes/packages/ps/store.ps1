# needs: lib
# The packages that the clusters on this host share.
$Store = $Root + '\.store'
function SumOf($path) {
    $file = [IO.File]::OpenRead($path)
    try { return ([BitConverter]::ToString([Security.Cryptography.SHA256]::Create().ComputeHash($file)) -replace '-', '').ToLower() }
    finally { $file.Close() }
}
