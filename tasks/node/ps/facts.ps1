# needs: lib envs files node
# Read-only. Uses .NET and the registry, not WMI, which only administrators may query over SSH.
Emit 'uname' ('Windows ' + [Environment]::OSVersion.Version.ToString() + ' ' + $env:PROCESSOR_ARCHITECTURE)
Emit 'hostname' ([Environment]::MachineName)
Emit 'user' ([Environment]::UserName)
Emit 'home' ($UserHome -replace '\\', '/')
Emit 'ssh_connection' ($env:SSH_CONNECTION)
Emit 'clock' ([DateTimeOffset]::UtcNow.ToUnixTimeSeconds())
Emit 'cpus' ([Environment]::ProcessorCount)
Emit 'machine-id' ([Microsoft.Win32.Registry]::GetValue('HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Cryptography', 'MachineGuid', ''))
Add-Type -AssemblyName 'Microsoft.VisualBasic'
Emit 'mem_bytes' ([Microsoft.VisualBasic.Devices.ComputerInfo]::new().TotalPhysicalMemory)
foreach ($card in [Net.NetworkInformation.NetworkInterface]::GetAllNetworkInterfaces()) {
    if ($card.OperationalStatus -ne 'Up') { continue }
    $name = $card.Name -replace '\s+', '_'
    foreach ($entry in $card.GetIPProperties().UnicastAddresses) {
        $ip = $entry.Address.ToString()
        if ($entry.Address.IsIPv6LinkLocal -or $ip.StartsWith('169.254.')) { continue }
        EmitText 'ip_addr' @('0: ' + $name + ' inet ' + $ip + '/' + $entry.PrefixLength)
        if ($card.GetIPProperties().GatewayAddresses.Count -gt 0) { EmitText 'route_default' @('interface: ' + $name) }
    }
}
foreach ($drive in [IO.DriveInfo]::GetDrives()) {
    if ($drive.IsReady -and $UserHome.StartsWith($drive.Name)) {
        $free = [long]($drive.AvailableFreeSpace / 1024)
        EmitText 'df' @($drive.Name + ' 0 0 ' + $free + ' 0% ' + ($drive.Name -replace '\\', '/'))
    }
}
Emit 'home_writable' 1
# /tmp is inside the container
Emit 'tmp_writable' 1
$smi = $env:SystemRoot + '\System32\nvidia-smi.exe'
if ([IO.File]::Exists($smi)) {
    $run = Run $smi @('--query-gpu=name,driver_version', '--format=csv,noheader') ''
    if ($run.Code -eq 0) { EmitText 'gpu' (LinesOf $run.Said) }
    else { Emit 'gpu_says' (OneLine $run.Said.Trim()) }
}

# Why the node is held back, also where it has never run.
$kept = (ReadText ($Node + '\hold')).Trim()
if ($kept) { Emit 'hold' $kept }
# What this project installed here, and whether it is running.
$kept = (ReadText ($Node + '\state.json')).Trim()
if ($kept) {
    Emit 'state' $kept
    Emit 'service' (NodeService)
    $kept = (ReadOpen (NodeLife)).Trim()
    if ($kept) { Emit 'life' $kept }
    EmitText 'starts' (LastOf (LinesOf (ReadText ($Node + '\starts'))) 20)
    Emit 'active' (NodeActive)
    $kept = (ReadText ($Node + '\deployed.json')).Trim()
    if ($kept) { Emit 'deployed' $kept }
    EnvFacts
}
$kept = ReadText ($Node + '\restored.lock')
if ($kept) { EmitText 'restored' (LinesOf $kept) }

# The ports that are in use, and Ray's processes.
$ports = foreach ($end in [Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties().GetActiveTcpListeners()) {
    $end.Port.ToString('X4')
}
Emit 'ports' (@($ports) -join ' ')
foreach ($name in @('raylet', 'gcs_server')) {
    foreach ($process in [Diagnostics.Process]::GetProcessesByName($name)) {
        $where = $name + '.exe'
        # only the user's own processes have a readable path
        try { $where = $process.MainModule.FileName -replace '\\', '/' } catch { $null = $_ }
        Emit 'ray_process' ([string]$process.Id + ' ' + $where)
    }
}
# A node that is just starting or stopping may have neither process and still hold its ports.
$there = $false
foreach ($name in @('python', 'raylet', 'gcs_server', 'ray')) {
    foreach ($process in [Diagnostics.Process]::GetProcessesByName($name)) {
        $where = ''
        try { $where = $process.MainModule.FileName } catch { $null = $_ }
        if ($where.StartsWith($Node + '\', 'OrdinalIgnoreCase')) { $there = $true }
    }
}
if ($there) { Emit 'node_processes' 1 }
