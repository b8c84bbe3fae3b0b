# needs: lib node
# values: DRIVER SPEC
# Runs a Python driver in the head's environment. Lines that it prints with RF in front are the answer.
NeedNode
$run = NodeAsk @('python', '-', $RF_SPEC) $RF_DRIVER
while ($null -ne ($line = $run.Reader.ReadLine())) {
    if ($line.StartsWith('RFSTEP ')) { Step ($line.Substring(7)) }
    if ($line.StartsWith('RF ')) { EmitText 'answer' @($line.Substring(3)) }
}
EndRun $run
EmitText 'log' (LastOf (LinesOf $run.Errors) 12)
