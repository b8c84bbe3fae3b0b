# Read-only. .NET and the registry, no WMI: only administrators may ask that over SSH.
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
# /tmp is the container's own
Emit 'tmp_writable' 1
$smi = $env:SystemRoot + '\System32\nvidia-smi.exe'
if ([IO.File]::Exists($smi)) {
    $run = Run $smi @('--query-gpu=name,driver_version', '--format=csv,noheader') ''
    if ($run.Code -eq 0) { EmitText 'gpu' (LinesOf $run.Said) }
    else { Emit 'gpu_says' (OneLine $run.Said.Trim()) }
}

# What this project left here, and whether it lives.
$kept = (ReadText ($Node + '\state.json')).Trim()
if ($kept) {
    Emit 'state' $kept
    NodeFacts
}
if ($RF_ASK -eq 'docker_facts') { DockerFacts }
if ($RF_ASK -eq 'conda_facts') { CondaFacts }

# Who listens, and which Ray processes there are.
$ports = foreach ($end in [Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties().GetActiveTcpListeners()) {
    $end.Port.ToString('X4')
}
Emit 'ports' (@($ports) -join ' ')
foreach ($name in @('raylet', 'gcs_server')) {
    foreach ($process in [Diagnostics.Process]::GetProcessesByName($name)) {
        $where = $name + '.exe'
        # where it lies is told of one's own processes alone
        try { $where = $process.MainModule.FileName -replace '\\', '/' } catch { $null = $_ }
        Emit 'ray_process' ([string]$process.Id + ' ' + $where)
    }
}
# A node that is just ending or starting may have neither of them, and still hold its ports.
$there = $false
foreach ($name in @('python', 'raylet', 'gcs_server', 'ray')) {
    foreach ($process in [Diagnostics.Process]::GetProcessesByName($name)) {
        $where = ''
        try { $where = $process.MainModule.FileName } catch { $null = $_ }
        if ($where.StartsWith($Node + '\', 'OrdinalIgnoreCase')) { $there = $true }
    }
}
if ($there) { Emit 'node_processes' 1 }
