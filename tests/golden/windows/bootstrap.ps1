$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$RF_IN = [IO.StreamReader]::new([Console]::OpenStandardInput(), [Text.UTF8Encoding]::new($false))
$RF_N = [int]$RF_IN.ReadLine()
$RF_B = [char[]]::new($RF_N)
if ($RF_IN.ReadBlock($RF_B, 0, $RF_N) -ne $RF_N) { exit 1 }
. ([ScriptBlock]::Create([string]::new($RF_B)))
