"""Windows OpenSSH: the same protocol over Windows PowerShell, whatever shell the server starts commands with.

The command is a small constant one, since cmd.exe takes 8191 characters; all else travels on stdin. No `$input`
may stand in it: only a command that names it makes PowerShell itself read stdin.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping

from tasks.inventory.secret import Secret
from tasks.ssh.put import Load

# Reads the length of a script, the script (cut off on the way, it does nothing) and runs it.
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
    """As powershell.exe wants it behind -EncodedCommand."""
    return base64.b64encode(text.encode("utf-16-le")).decode()


# -OutputFormat: errors of an encoded command would come as XML
COMMAND = (
    "powershell.exe -NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -OutputFormat Text"
    f" -EncodedCommand {encoded(BOOTSTRAP)}"
)


def is_windows(version: str) -> bool:
    """By the server's identification, as in `SSH-2.0-OpenSSH_for_Windows_9.5`."""
    return "openssh_for_windows" in version.lower()


def quote(text: str) -> str:
    """`text` as one word of PowerShell, which takes four more characters for a single quote."""
    if "\0" in text:
        raise ValueError("a NUL cannot be passed to a shell")
    return "'" + "".join(c * 2 if c in "'\u2018\u2019\u201a\u201b" else c for c in text) + "'"


def _with_length(text: str) -> bytes:
    """PowerShell counts in units of UTF-16."""
    return b"%d\n%s" % (len(text.encode("utf-16-le")) // 2, text.encode())


def wrap(script: str, mark: str, secrets: Mapping[str, Secret]) -> bytes:
    """The stdin for COMMAND: the mark, the secrets, then the script."""
    lines = [f"$RF_MARK = {quote(mark)}", *(f"${n} = {quote(s.reveal())}" for n, s in secrets.items())]
    return _with_length("\n".join([*lines, script]))


def save(load: Load, mark: str, path: str, on_bytes: Callable[[int, int], None] | None) -> Iterator[bytes]:
    """The stdin for COMMAND that carries a file; its access is that of the directory it comes into."""
    words = {"RF_MARK": mark, "PATH": path, "SIZE": str(load.size), "SHA256": load.sha256}
    yield _with_length("\n".join(f"${name} = {quote(value)}" for name, value in words.items()) + _SAVE)
    sent = 0
    for chunk in load.chunks():
        yield base64.b64encode(chunk) + b"\n"
        sent += len(chunk)
        if on_bytes:
            on_bytes(sent, load.size)
