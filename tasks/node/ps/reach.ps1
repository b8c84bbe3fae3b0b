# Can this host reach the head's ports? A refusal is an answer: nothing listens there yet, but the way is open.
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
    # one silent port stands for all: each would cost its whole time-out
    if ($said -eq 'timeout') { break }
}
