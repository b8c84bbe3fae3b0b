# needs: lib
# values: TARGETS
# Tries the ports of other hosts. It does not listen: Windows would ask whoever sits there.
function TryPort($address, $port) {
    $client = [Net.Sockets.TcpClient]::new([Net.IPAddress]::Parse($address).AddressFamily)
    try {
        if ($client.ConnectAsync($address, [int]$port).Wait(3000)) { return 'open' }
        return 'timeout'
    } catch {
        $code = [string]$_.Exception.GetBaseException().SocketErrorCode
        if ($code -eq 'ConnectionRefused') { return 'refused' }
        if ($code -eq 'TimedOut') { return 'timeout' }
        return 'error ' + $_.Exception.GetBaseException().Message
    } finally { $client.Close() }
}
Emit 'firewall' 'windows'
if ($RF_TARGETS) { Nap 1000 }
foreach ($line in (LinesOf $RF_TARGETS)) {
    $words = $line -split ' '
    Emit 'reach' ($words[0] + ' ' + $words[2] + ' ' + (TryPort $words[1] $words[2]))
}
