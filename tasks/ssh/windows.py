"""Windows' OpenSSH: the same protocol through Windows PowerShell, whichever shell the server starts.

The command is short and constant, because cmd.exe allows 8191 characters; everything else travels on stdin. It must
not contain `$input`: that would make PowerShell itself read stdin.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping

from tasks.inventory.secret import Secret
from tasks.ssh.carry import Load
from tasks.text.quoting import powershell as quote

# Reads the length of a script and the script, and runs it. A script that was cut off does nothing.
BOOTSTRAP = """$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$RF_IN = [IO.StreamReader]::new([Console]::OpenStandardInput(), [Text.UTF8Encoding]::new($false))
$RF_N = [int]$RF_IN.ReadLine()
$RF_B = [char[]]::new($RF_N)
if ($RF_IN.ReadBlock($RF_B, 0, $RF_N) -ne $RF_N) { exit 1 }
. ([ScriptBlock]::Create([string]::new($RF_B)))
"""

_SAVE = """
$rfPath = $PATH
if (-not [IO.Path]::IsPathRooted($rfPath)) { $rfPath = $env:USERPROFILE + '/' + ($rfPath -replace '^~/', '') }
$rfPart = $rfPath + '.part.' + $RF_MARK
$rfFile = $null
try {
    if ([IO.Directory]::Exists($rfPath)) { throw 'it is a directory' }
    $null = [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($rfPath))
    $rfFile = [IO.File]::Create($rfPart)
    while ($null -ne ($rfLine = $RF_IN.ReadLine())) {
        $rfBytes = [Convert]::FromBase64String($rfLine)
        $rfFile.Write($rfBytes, 0, $rfBytes.Length)
    }
    $rfFile.Close()
    $rfFile = [IO.File]::OpenRead($rfPart)
    if ($rfFile.Length -ne [long]$SIZE) { throw ([string]$rfFile.Length + ' of ' + $SIZE + ' bytes arrived') }
    $rfHash = [BitConverter]::ToString([Security.Cryptography.SHA256]::Create().ComputeHash($rfFile))
    if (($rfHash -replace '-', '') -ne $SHA256) { throw 'it arrived damaged' }
    $rfFile.Close()
    if ([IO.File]::Exists($rfPath)) { [IO.File]::Delete($rfPath) }
    [IO.File]::Move($rfPart, $rfPath)
    $rfSaid = ''
} catch {
    $rfSaid = [string]$_
    if ($null -ne $rfFile) { $rfFile.Close() }
    if ([IO.File]::Exists($rfPart)) { [IO.File]::Delete($rfPart) }
}
if ($rfSaid) {
    $rfSaid = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes('kv error ' + $rfSaid))
    [Console]::Out.Write($RF_MARK + ' b64 ' + $rfSaid + "`n" + $RF_MARK + " end 1`n")
    exit 1
}
[Console]::Out.Write($RF_MARK + " end 0`n")
exit 0
"""


def encoded(text: str) -> str:
    """As powershell.exe takes it after -EncodedCommand."""
    return base64.b64encode(text.encode("utf-16-le")).decode()


# -OutputFormat: otherwise the errors of an encoded command are XML
COMMAND = (
    "powershell.exe -NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -OutputFormat Text"
    f" -EncodedCommand {encoded(BOOTSTRAP)}"
)


def is_windows(version: str) -> bool:
    """By the server's identification, as in `SSH-2.0-OpenSSH_for_Windows_9.5`."""
    return "openssh_for_windows" in version.lower()


def _with_length(text: str) -> bytes:
    """The text after its length, which PowerShell counts in UTF-16 units."""
    return b"%d\n%s" % (len(text.encode("utf-16-le")) // 2, text.encode())


def wrap(script: str, mark: str, secrets: Mapping[str, Secret]) -> bytes:
    """The stdin for COMMAND: the mark, the secrets, then the script."""
    begin = '[Console]::Out.Write($RF_MARK + " begin`n")'
    lines = [f"$RF_MARK = {quote(mark)}", begin, *(f"${n} = {quote(s.reveal())}" for n, s in secrets.items())]
    return _with_length("\n".join([*lines, script]))


def save(load: Load, mark: str, path: str, on_bytes: Callable[[int, int], None] | None) -> Iterator[bytes]:
    """The stdin for COMMAND that carries a file; the file inherits the access rights of its directory."""
    values = {"RF_MARK": mark, "PATH": path, "SIZE": str(load.size), "SHA256": load.sha256}
    yield _with_length("\n".join(f"${name} = {quote(value)}" for name, value in values.items()) + _SAVE)
    sent = 0
    for chunk in load.chunks():
        yield base64.b64encode(chunk) + b"\n"
        sent += len(chunk)
        if on_bytes:
            on_bytes(sent, load.size)
