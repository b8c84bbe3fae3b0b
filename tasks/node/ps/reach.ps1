# needs: lib
# values: ADDRESS PORTS
# Whether this host can reach the head's ports. "refused" counts as reachable: nothing is listening there yet.
function TryPort($port) {
    $client = [Net.Sockets.TcpClient]::new([Net.IPAddress]::Parse($RF_ADDRESS).AddressFamily)
    try {
        if ($client.ConnectAsync($RF_ADDRESS, [int]$port).Wait(4000)) { return 'open' }
        return 'timeout'
    } catch {
        $code = [string]$_.Exception.GetBaseException().SocketErrorCode
        if ($code -eq 'ConnectionRefused') { return 'refused' }
        if ($code -eq 'TimedOut') { return 'timeout' }
        return $_.Exception.GetBaseException().Message
    } finally { $client.Close() }
}
foreach ($port in ($RF_PORTS -split ' ')) {
    $said = TryPort $port
    Emit 'reach' ($port + ' ' + $said)
    # stop at the first silent port: each one would cost a whole timeout
    if ($said -eq 'timeout') { break }
}
