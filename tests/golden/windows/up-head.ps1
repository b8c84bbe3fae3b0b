# rayfab: start the head
$RF_CLUSTER = 'lab'
$RF_UNIT = 'rayfab-lab'
$RF_STATE = '{"env": "ray-2.52.0-py3.11.2-abc", "hash": "eed275258055aaec", "head": "10.0.0.1:6379", "image": "sha256:0123abcd", "node_ip": "10.0.0.1", "python": "3.11.2", "ray": "2.52.0", "request": "request0", "role": "head", "service": "docker", "start": {"args": {"--dashboard-agent-grpc-port": "20002", "--dashboard-agent-listen-port": "20005", "--dashboard-host": "0.0.0.0", "--dashboard-port": "8265", "--disable-usage-stats": "", "--head": "", "--max-worker-port": "10099", "--metrics-export-port": "20004", "--min-worker-port": "10002", "--node-ip-address": "10.0.0.1", "--node-manager-port": "20000", "--node-name": "head", "--object-manager-port": "20001", "--port": "6379", "--ray-client-server-port": "10001", "--runtime-env-agent-port": "20003", "--temp-dir": "/tmp/ray"}, "docker": {"--shm-size": "2147483648"}, "env": {"AUTOSCALER_METRIC_PORT": "cc3f", "DASHBOARD_METRIC_PORT": "13f8", "RAY_AUTH_MODE": "3c46", "RAY_USAGE_STATS_ENABLED": "5fec"}, "image": "rayproject/ray:2.52.0", "network": "bridge", "run_args": {}, "user_args": {}}, "token": "0123456789ab"}'
$RF_START_TIMEOUT = '120'
$RF_TEMP_DIR = 'C:\Users\me\tmp\ray'
$RF_RUN = @('--detach', '--name', 'rayfab-lab', '--network=bridge', '--cap-add', 'NET_ADMIN', '--hostname', 'WINBOX', '--publish', '0.0.0.0:6379:6379', '--publish', '0.0.0.0:10001-10099:10001-10099', '--publish', '0.0.0.0:20000-20007:20000-20007', '--publish', '127.0.0.1:8265:8265', '--init', '--shm-size=2147483648', '--volume', 'C:\Users\me\tmp\ray:/tmp/ray', '--restart', 'unless-stopped', '--stop-timeout', '45', '--log-driver', 'json-file', '--log-opt', 'max-size=20m', '--log-opt', 'max-file=3', '--label', 'rayfab.cluster=lab', '--label', 'rayfab.hash=eed275258055aaec', '--env', 'RAY_AUTH_MODE=token', '--env', 'RAY_USAGE_STATS_ENABLED=0', '--env', 'AUTOSCALER_METRIC_PORT=20006', '--env', 'DASHBOARD_METRIC_PORT=20007', '--user', '0:0', 'sha256:0123abcd', 'python', '-c', '"""First process of a node''s container on a bridge: it makes the host''s address the container''s own, then is Ray.

Docker hands a published port on to the container''s own address, but some parts of Ray listen on the node''s
address alone. So a second process follows what listens there and hands connections on to it.
Ray keeps sockets in its folder, and what Docker Desktop mounts may hold none. Ray has a folder of the container''s
then, and that process carries the logs over to the one that the host sees.
"""

import contextlib
import errno
import fcntl
import glob
import os
import pwd
import socket
import struct
import sys
import threading
import time

node_ip, user, group, published, words = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]
SET_ADDRESS, SET_MASK, GET_ADDRESS = 0x8916, 0x891C, 0x8915
POLL = 0.25
SEEN, OWN = "/tmp/ray", "/var/tmp/ray"  # by the host; within the container alone


def request(code, interface, address):
    """One of the kernel''s questions about an interface''s IPv4 address; see netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        packed = struct.pack("16sHH4s8x", interface.encode(), socket.AF_INET, 0, socket.inet_aton(address))
        return socket.inet_ntoa(fcntl.ioctl(wire, code, packed)[20:24])


def take_address():
    """The node''s address on the loopback device; it stays within this container."""
    try:
        request(SET_ADDRESS, "lo:node", node_ip)
        request(SET_MASK, "lo:node", "255.255.255.255")
    except OSError as error:
        sys.exit(f"cannot take the address {node_ip}: {error} (is --cap-add NET_ADMIN overridden?)")


def drop_root():
    """On as the image''s own user."""
    uid, gid = int(user), int(group)
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        os.setgroups([])
    else:
        os.initgroups(found.pw_name, gid)
        if os.environ.get("HOME", "/") in ("/", "/root"):
            os.environ["HOME"] = found.pw_dir
    os.setgid(gid)
    os.setuid(uid)


def own_addresses():
    """The container''s addresses that Docker may hand a published port on to."""
    out = set()
    for _, name in socket.if_nameindex():
        if name != "lo":
            with contextlib.suppress(OSError):
                out.add(request(GET_ADDRESS, name, "0.0.0.0"))
    return out - {node_ip}


def wanted(port):
    return any(low <= port <= high for low, high in ranges)


def listening():
    """Published ports on which something listens on the node''s address and nowhere else."""
    mine = "{:08X}".format(*struct.unpack("=I", socket.inet_aton(node_ip)))
    out = set()
    with open("/proc/net/tcp") as table:
        next(table)
        for line in table:
            parts = line.split()
            if parts[3] == "0A":
                address, _, port = parts[1].partition(":")
                if address == mine and wanted(int(port, 16)):
                    out.add(int(port, 16))
    return out


def follow():
    """Opens and closes doors as Ray''s parts come and go."""
    doors = {}
    addresses = own_addresses()
    while True:
        there = listening()
        for port in there - set(doors):
            found = [d for d in (door(address, port) for address in addresses) if d]
            if found:
                doors[port] = found
        for port in set(doors) - there:
            for one in doors.pop(port):
                one.shutdown(socket.SHUT_RDWR)
                one.close()
        time.sleep(POLL)


def door(address, port):
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        wire.bind((address, port))
        wire.listen(512)
    except OSError as error:
        wire.close()
        if error.errno != errno.EADDRINUSE:
            sys.stderr.write(f"rayfab: cannot hand on port {port}: {error}\n")
        return None
    threading.Thread(target=serve, args=(wire, port), daemon=True).start()
    return wire


def serve(wire, port):
    while True:
        try:
            near, _ = wire.accept()
        except OSError:
            return
        threading.Thread(target=join, args=(near, port), daemon=True).start()


def join(near, port):
    try:
        far = socket.create_connection((node_ip, port), 10)
    except OSError:
        near.close()
        return
    for end in (near, far):
        end.settimeout(None)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    back = threading.Thread(target=pump, args=(far, near), daemon=True)
    back.start()
    pump(near, far)
    back.join()
    near.close()
    far.close()


def pump(source, sink):
    try:
        while True:
            data = source.recv(1 << 18)
            if not data:
                break
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # the one end is gone, so the other goes too
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def holds_sockets(folder):
    """False where there can be none, as is told by making one; a folder that is closed is another matter."""
    probe = f"{folder}/.rayfab-{os.getpid()}"
    with contextlib.suppress(OSError):
        os.unlink(probe)
    try:
        with socket.socket(socket.AF_UNIX) as wire:
            wire.bind(probe)
    except OSError as error:
        return error.errno in (errno.EACCES, errno.EROFS, errno.ENOENT)
    with contextlib.suppress(OSError):
        os.unlink(probe)
    return True


def carry_logs():
    done = {}
    while True:
        for logs in glob.glob(OWN + "/session_2*/logs"):
            for folder, _, names in os.walk(logs):
                for name in names:
                    with contextlib.suppress(OSError):
                        carry(folder + "/" + name, SEEN + folder[len(OWN) :] + "/" + name, done)
        with contextlib.suppress(OSError):
            point(SEEN + "/session_latest", os.path.basename(os.readlink(OWN + "/session_latest")))
        time.sleep(POLL)


def point(link, name):
    if not os.path.islink(link) or os.readlink(link) != name:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(link)
        os.symlink(name, link)


def carry(source, target, done):
    """What a file has grown by; one that has shrunk is a new one."""
    if source not in done:
        done[source] = os.path.getsize(target) if os.path.exists(target) else 0
    size = os.path.getsize(source)
    if size == done[source]:
        return
    if size < done[source]:
        done[source] = 0
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(source, "rb") as here, open(target, "ab" if done[source] else "wb") as there:
        here.seek(done[source])
        for data in iter(lambda: here.read(1 << 20), b""):
            there.write(data)
        done[source] = here.tell()


ranges = [tuple(map(int, (part + "-" + part).split("-")[:2])) for part in published.split(",")]
take_address()
drop_root()
apart = not holds_sockets(SEEN)
if apart:
    os.makedirs(OWN, exist_ok=True)
    words = [word.replace("--temp-dir=" + SEEN, "--temp-dir=" + OWN) for word in words]
if os.fork() == 0:
    # not Ray''s child: Ray looks after its own
    if os.fork() == 0:
        os.setsid()
        if apart:
            threading.Thread(target=carry_logs, daemon=True).start()
        follow()
    os._exit(0)
os.wait()
os.execvp(words[0], words)
', '10.0.0.1', '1000', '100', '6379,10001-10099,20000-20007', 'ray', 'start', '--head', '--port=6379', '--dashboard-host=0.0.0.0', '--dashboard-port=8265', '--ray-client-server-port=10001', '--node-ip-address=10.0.0.1', '--node-name=head', '--node-manager-port=20000', '--object-manager-port=20001', '--min-worker-port=10002', '--max-worker-port=10099', '--metrics-export-port=20004', '--dashboard-agent-grpc-port=20002', '--dashboard-agent-listen-port=20005', '--runtime-env-agent-port=20003', '--temp-dir=/tmp/ray', '--disable-usage-stats', '--block')
$RF_CONTAINER_USER = '1000:100'
$RF_IMAGE = 'sha256:0123abcd'
$RF_RAY_USER = '1000:100'
# The answer: marked lines on stdout, in ASCII, so that no code page on the way can change them.
$Utf8 = [Text.UTF8Encoding]::new($false)
$Out = [IO.StreamWriter]::new([Console]::OpenStandardOutput(), $Utf8)
$Out.AutoFlush = $true
$UserHome = $env:USERPROFILE
$Root = $UserHome + '\.rayfab'
$Node = $Root + '\' + $RF_CLUSTER
function Tell($told) {
    if ($told -match '[^\x20-\x7E\t]') { $told = 'b64 ' + [Convert]::ToBase64String($Utf8.GetBytes($told)) }
    $Out.Write($RF_MARK + ' ' + $told + "`n")
}
function OneLine($text) { return [string]$text -replace '[\r\n]+', ' ' }
function Emit($key, $value) { Tell ('kv ' + $key + ' ' + (OneLine $value)) }
function EmitText($key, $lines) {
    foreach ($line in $lines) { Tell ('text ' + $key + ' ' + (OneLine $line)) }
}
function Step($text) { Tell ('step ' + (OneLine $text)) }
function Say($text) { Tell ('say ' + (OneLine $text)) }
function Finish($code) {
    Tell ('end ' + $code)
    exit $code
}
function Fail($message, $hint) {
    Emit 'error' $message
    if ($hint) { Emit 'hint' $hint }
    Finish 1
}
function Nap($milliseconds) { [Threading.Thread]::Sleep($milliseconds) }
function LinesOf($text) {
    if ($text) { return ($text -replace "(\r?\n)+\z", '') -split "\r?\n" }
}
function LastOf($lines, $count) {
    $rest = @($lines).Count - $count
    foreach ($line in $lines) {
        $rest = $rest - 1
        if ($rest -lt 0) { $line }
    }
}
function ReadText($path) {
    if ([IO.File]::Exists($path)) { return [IO.File]::ReadAllText($path) }
    return ''
}
# A file appears whole or not at all.
function WriteText($path, $text) {
    try {
        [IO.File]::WriteAllText($path + '.new', $text, $Utf8)
        if ([IO.File]::Exists($path)) { [IO.File]::Delete($path) }
        [IO.File]::Move($path + '.new', $path)
    } catch { Fail ('cannot write ' + $path + ': ' + $_) 'free some space, or make the folder writable' }
}
function Remove($path) {
    if ([IO.File]::Exists($path)) { [IO.File]::Delete($path) }
}
# Our folder is closed to everybody but its owner and the system itself: it holds the token.
function MakeNode {
    try {
        if (-not [IO.Directory]::Exists($Root)) {
            $null = [IO.Directory]::CreateDirectory($Root)
            $me = '*' + [Security.Principal.WindowsIdentity]::GetCurrent().User.Value + ':(OI)(CI)F'
            $tool = $env:SystemRoot + '\System32\icacls.exe'
            $run = Run $tool @($Root, '/inheritance:r', '/grant:r', $me, '*S-1-5-18:(OI)(CI)F') ''
            if ($run.Code -ne 0) {
                [IO.Directory]::Delete($Root)
                Fail ('cannot close ' + $Root + ' to other users: ' + $run.Errors + $run.Said)
            }
        }
        $null = [IO.Directory]::CreateDirectory($Node)
    } catch { Fail ('cannot make ' + $Node + ': ' + $_) 'make the home folder writable' }
}
# One word of a command line, as C programs take it apart: a backslash counts only before a quote.
function QuoteWord($word) {
    if ($word -ne '' -and $word -notmatch '[\s"]') { return $word }
    return '"' + (($word -replace '(\\*)"', '$1$1\"') -replace '(\\+)\z', '$1$1') + '"'
}
# Starts a program with exactly these words, given a text or an open file to read; its errors are read on the side, so that neither pipe can block it.
function StartRun($file, $words, $given) {
    $quoted = foreach ($word in $words) { QuoteWord $word }
    $start = [Diagnostics.ProcessStartInfo]::new()
    $start.FileName = $file
    $start.Arguments = (@($quoted) -join ' ') + $LastWord
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.StandardOutputEncoding = $Utf8
    $start.StandardErrorEncoding = $Utf8
    foreach ($name in $Surroundings.Keys) { $start.EnvironmentVariables[$name] = $Surroundings[$name] }
    $process = [Diagnostics.Process]::Start($start)
    $run = @{ Process = $process; Reader = $process.StandardOutput; Said = ''; Errors = ''; Code = -1 }
    $run.Pending = $process.StandardError.ReadToEndAsync()
    # not by the writer around it, which may add a byte order mark
    $stdin = $process.StandardInput.BaseStream
    try {
        if ($given -is [string]) {
            $bytes = $Utf8.GetBytes($given)
            $stdin.Write($bytes, 0, $bytes.Length)
        } elseif ($given) {
            $given.CopyTo($stdin)
            $given.Close()
        }
        $stdin.Close()
    } catch { $run.Unread = [string]$_ }
    return $run
}
function EndRun($run) {
    $run.Said = $run.Reader.ReadToEnd()
    $run.Errors = $run.Pending.Result
    $run.Process.WaitForExit()
    $run.Code = $run.Process.ExitCode
}
function Run($file, $words, $given) {
    $run = StartRun $file $words $given
    EndRun $run
    return $run
}
# As Run, for what takes its time: it is said how long that is.
function Busy($text, $file, $words) {
    Step $text
    $began = [DateTime]::UtcNow
    $shown = 0
    $run = StartRun $file $words ''
    $said = $run.Reader.ReadToEndAsync()
    while (-not $run.Process.HasExited) {
        Nap 200
        $passed = [int]([DateTime]::UtcNow - $began).TotalSeconds
        if ($passed -ge $shown + 5) {
            $shown = $passed
            Step ($text + ', ' + $passed + ' s')
        }
    }
    $run.Said = $said.Result
    $run.Errors = $run.Pending.Result
    $run.Process.WaitForExit()
    $run.Code = $run.Process.ExitCode
    return $run
}
$Surroundings = @{}
# what ends a command line as it is
$LastWord = ''
# Docker Desktop's command, and the words for whatever keeps its engine from answering.
$DockerState = $null
$DockerExe = ''
$DockerVersion = ''
$DockerSays = ''
function FindDocker {
    # the service of sshd knows the PATH of the day it was started; the registry knows today's
    $folders = @($env:PATH -split ';')
    $folders = $folders + ([Environment]::GetEnvironmentVariable('Path', 'Machine') -split ';')
    $folders = $folders + ([Environment]::GetEnvironmentVariable('Path', 'User') -split ';')
    $folders = $folders + ($env:ProgramFiles + '\Docker\Docker\resources\bin')
    $folders = $folders + ($env:LOCALAPPDATA + '\Programs\DockerDesktop\resources\bin')
    foreach ($folder in $folders) {
        $file = $folder.Trim('"').TrimEnd('\') + '\docker.exe'
        if ($folder -and [IO.File]::Exists($file)) { return $file }
    }
    return ''
}
function BeginDk($words, $given) { return StartRun $DockerExe $words $given }
function Dk($words, $given) { return Run $DockerExe $words $given }
# '' when the engine answers; else missing | stopped | denied | windows
function DockerProblem {
    if ($null -eq $DockerState) { $script:DockerState = AskDocker }
    return $DockerState
}
function AskDocker {
    $script:DockerExe = FindDocker
    if (-not $DockerExe) { return 'missing' }
    # The user's own settings name a helper for passwords that fails without a desktop, so they are passed over.
    $Surroundings['DOCKER_CONFIG'] = $Node + '\docker-config'
    $ask = @('version', '--format', '{{.Server.Version}} {{.Server.Os}}')
    $run = Dk $ask ''
    if ($run.Code -ne 0 -and -not $env:DOCKER_HOST) {
        $Surroundings['DOCKER_HOST'] = 'npipe:////./pipe/dockerDesktopLinuxEngine'
        $second = Dk $ask ''
        if ($second.Code -eq 0) { $run = $second } else { $Surroundings.Remove('DOCKER_HOST') }
    }
    $script:DockerSays = OneLine ($run.Errors.Trim())
    if ($run.Code -ne 0) {
        if ($run.Errors -match 'denied') { return 'denied' }
        return 'stopped'
    }
    $said = $run.Said.Trim() -split ' '
    $script:DockerVersion = $said[0]
    if ($said[1] -eq 'windows') { return 'windows' }
    return ''
}
function NeedDocker {
    $problem = DockerProblem
    if ($problem -eq 'windows') { Fail 'Docker Desktop runs Windows containers' 'switch it to Linux containers' }
    if ($problem) { Fail ("Docker's engine does not answer: " + $problem + ' ' + $DockerSays) 'look at: docker version' }
}
# Id, platform, date, layers and digests of the image in one line, '' if it is not there.
function ImageHere {
    $run = Dk @('image', 'inspect', '--format', '{{.Id}} {{.Os}}/{{.Architecture}} {{.Created}} {{range .RootFS.Layers}}{{.}},{{end}} {{range .RepoDigests}}{{.}},{{end}}', $RF_IMAGE) ''
    if ($run.Code -ne 0) { return '' }
    return $run.Said.Trim()
}
function DockerFacts {
    $problem = DockerProblem
    if ($problem) {
        Emit 'docker_problem' $problem
        if ($DockerSays) { Emit 'docker_says' $DockerSays }
        return
    }
    Emit 'docker' $DockerVersion
    # what Ray will see is the engine's virtual machine
    $machine = @((Dk @('info', '--format', '{{.NCPU}} {{.MemTotal}}') '').Said.Trim() -split ' ')
    if ($machine.Count -eq 2) {
        Emit 'cpus' ($machine[0])
        Emit 'mem_bytes' ($machine[1])
    }
    $here = ImageHere
    if ($here) { EmitText 'image' @($here) }
    $kept = (ReadText ($Node + '\image')).Trim()
    if ($here -and $kept.StartsWith(($here -split ' ')[0] + ' ')) {
        Emit 'image_versions' (($kept -split ' ', 2)[1])
    }
    $run = Dk @('ps', '-a', '--no-trunc', '--filter', ('name=^/' + $RF_UNIT + '$'), '--format', '{{.ID}} {{.Image}}') ''
    EmitText 'container' (LinesOf $run.Said)
    DockerGives
}
# A node on Windows itself, under a task of the Task Scheduler: loop.py starts Ray again whenever it ends.
$Envs = $Node + '\envs\'
function Tool($name) { return $env:SystemRoot + '\System32\' + $name + '.exe' }
function Task($words) { return Run (Tool 'schtasks') $words '' }
# what this tool says is in the system's language: only its status counts
function TaskThere {
    $run = Task @('/Query', '/TN', $RF_UNIT)
    return $run.Code -eq 0
}
# Whether a process runs a program of this cluster's environments.
function IsOurs($process) {
    try { return $process.MainModule.FileName.ToLower().StartsWith($Envs.ToLower()) } catch { return $false }
}
# The loop's process, 0 if there is none; its number may have passed on to a stranger since.
function LoopPid {
    $number = (ReadText ($Node + '\loop.pid')).Trim()
    if ($number -notmatch '^[0-9]{1,9}\z') { return 0 }
    try { if (IsOurs ([Diagnostics.Process]::GetProcessById([int]$number))) { return [int]$number } }
    catch { $null = $_ }
    return 0
}
function TaskDown {
    # gone first, so that neither a boot nor the Scheduler brings it back
    if (TaskThere) {
        $run = Task @('/Delete', '/TN', $RF_UNIT, '/F')
        if ($run.Code -ne 0) { Fail ('cannot remove the task ' + $RF_UNIT + ': ' + $run.Errors) 'was it an administrator who deployed here?' }
    }
    $number = LoopPid
    if ($number) { $null = Run (Tool 'taskkill') @('/PID', [string]$number, '/T', '/F') '' }
    # those whose parent had gone before; their workers follow them
    foreach ($name in @('raylet', 'gcs_server')) {
        foreach ($process in [Diagnostics.Process]::GetProcessesByName($name)) {
            if (IsOurs $process) { try { $process.Kill() } catch { $null = $_ } }
        }
    }
    $tries = 0
    while (LoopPid) {
        $tries = $tries + 1
        if ($tries -gt 100) { Fail ('cannot end the process ' + $number) 'look at: tasklist' }
        Nap 200
    }
    Remove ($Node + '\loop.pid')
}
# An environment is whole while it has every file that its installation has listed.
function EnvWhole($folder) {
    if (-not [IO.File]::Exists($folder + '\.complete')) { return $false }
    foreach ($name in (LinesOf (ReadText ($folder + '\.files')))) {
        if (-not [IO.File]::Exists($folder + '\' + $name)) { return $false }
    }
    return ([IO.File]::Exists($folder + '\python.exe') -and [IO.File]::Exists($folder + '\Scripts\ray.exe'))
}
function EnvFacts {
    if (-not [IO.Directory]::Exists($Node + '\envs')) { return }
    foreach ($folder in [IO.Directory]::GetDirectories($Node + '\envs', '*')) {
        if (EnvWhole $folder) { Emit 'env' ([IO.Path]::GetFileName($folder)) }
    }
    EmitText 'requirements' (LinesOf (ReadText ($Envs + (ReadText ($Node + '\env')).Trim() + '\requirements.lock')))
}
# The text of a file that somebody still writes.
function ReadOpen($path) {
    if (-not [IO.File]::Exists($path)) { return '' }
    try { $file = OpenLog $path } catch { return '' }
    $reader = [IO.StreamReader]::new($file, $Utf8)
    $text = $reader.ReadToEnd()
    $reader.Close()
    return $text
}
# A folder with all that is in it, also what may not be written; a junction goes without what it leads to.
function RemoveTree($path) {
    if (-not [IO.Directory]::Exists($path)) { return }
    try { [IO.Directory]::Delete($path, $true) }
    catch {
        # what may not be written, and what has more than 260 letters, robocopy can empty
        $empty = $Root + '\.empty'
        $null = [IO.Directory]::CreateDirectory($empty)
        $null = Run (Tool 'robocopy') @($empty, $path, '/MIR', '/XJ', '/R:1', '/W:1', '/NFL', '/NDL', '/NJH', '/NJS') ''
        [IO.Directory]::Delete($empty)
        [IO.Directory]::Delete($path, $true)
    }
}
# A command in the node's environment. CreateProcess would look for it on the PATH of this process.
function FindProgram($word) {
    if ([IO.Path]::IsPathRooted($word)) { return $word }
    foreach ($folder in ($Surroundings['PATH'] -split ';')) {
        foreach ($end in @('', '.exe')) {
            $file = $folder.Trim('"').TrimEnd('\') + '\' + $word + $end
            if ($folder -and [IO.File]::Exists($file)) { return $file }
        }
    }
    return ''
}
function EnterNode { . ([ScriptBlock]::Create((ReadText ($Node + '\env.ps1')))) }
function BeginHere($words, $given) {
    EnterNode
    $file = ''
    $rest = @()
    foreach ($word in $words) {
        if ($file) { $rest = $rest + $word; continue }
        $file = FindProgram $word
        if (-not $file) { Fail ('there is no program ' + $word + ' here') }
    }
    return StartRun $file $rest $given
}
# What a script about conda knows: the store, where conda may be, whose it is, and what it leaves in ~\.conda.
$Store = $Root + '\.store'
# A path as the hosts file has it; one without a drive lies in the user's home.
function OwnPath($path) {
    $plain = $path -replace '/', '\'
    if ($plain -notmatch '^([A-Za-z]:)?\\') { $plain = $UserHome + '\' + $plain }
    return $plain.TrimEnd('\')
}
function UrlOf($path) { return 'file:///' + [Uri]::EscapeUriString(($path -replace '\\', '/')) }
# Runs a conda so that it writes neither into its own folder nor into the user's.
function CondaHere($file) {
    $cache = $Root + '\.cache\conda'
    $base = [IO.Path]::GetDirectoryName([IO.Path]::GetDirectoryName($file))
    $Surroundings['PATH'] = $base + ';' + $base + '\Library\bin;' + $base + '\Scripts;' + $env:PATH
    foreach ($name in @('PYTHONPATH', 'PYTHONHOME', 'CONDA_PREFIX', 'CONDA_DEFAULT_ENV', 'CONDA_SHLVL')) { $Surroundings[$name] = '' }
    foreach ($name in @('REGISTER_ENVS', 'ALWAYS_SOFTLINK', 'ALWAYS_COPY', 'AUTO_UPDATE_CONDA', 'NOTIFY_OUTDATED_CONDA', 'REPORT_ERRORS', 'ANACONDA_ANON_USAGE')) {
        $Surroundings['CONDA_' + $name] = 'false'
    }
    $Surroundings['CONDA_NUMBER_CHANNEL_NOTICES'] = '0'
    $Surroundings['CONDA_PKGS_DIRS'] = $cache + '\pkgs'
    $Surroundings['MAMBA_ROOT_PREFIX'] = $cache + '\mamba'
    $Surroundings['PYTHONNOUSERSITE'] = '1'
    $Surroundings['PYTHONDONTWRITEBYTECODE'] = '1'
    $Surroundings['PYTHONIOENCODING'] = 'utf-8'
}
function CondaRun($file, $words) {
    CondaHere $file
    return Run $file $words ''
}
# '' where it says no version
function CondaVersion($file) {
    if (-not [IO.File]::Exists($file)) { return '' }
    try { $run = CondaRun $file @('--version') } catch { return '' }
    if ($run.Code -eq 0 -and ($run.Said + "`n" + $run.Errors) -match '(?m)^(conda |mamba )?([0-9][0-9.a-z]*)\r?$') { return $Matches[2] }
    return ''
}
function CondaKind($file) {
    if ($file -match '\\micromamba\.exe\z') { return 'micromamba' }
    if ($file -match '\\mamba\.exe\z') { return 'mamba' }
    return 'conda'
}
# Every file that may be a conda, in order of preference; the wanted prefix comes first.
function CondaPlaces($prefix) {
    $prefix + '\Scripts\conda.exe'
    foreach ($file in @($env:CONDA_EXE, $env:MAMBA_EXE)) { if ($file) { $file } }
    $folders = @($env:PATH -split ';')
    $folders = $folders + ([Environment]::GetEnvironmentVariable('Path', 'Machine') -split ';')
    $folders = $folders + ([Environment]::GetEnvironmentVariable('Path', 'User') -split ';')
    foreach ($folder in $folders) {
        $plain = $folder.Trim('"').TrimEnd('\')
        if (-not $plain -or $plain -match '%|\.\.') { continue }
        if ($plain -match '\\condabin\z') { [IO.Path]::GetDirectoryName($plain) + '\Scripts\conda.exe' }
        foreach ($name in @('conda.exe', 'micromamba.exe')) { $plain + '\' + $name }
    }
    foreach ($above in @($UserHome, $env:LOCALAPPDATA, $env:ProgramData, 'C:\tools', 'C:')) {
        if (-not $above) { continue }
        foreach ($name in @('miniconda3', 'anaconda3', 'miniforge3', 'mambaforge')) { $above + '\' + $name + '\Scripts\conda.exe' }
        $above + '\micromamba\micromamba.exe'
    }
    # every environment that a conda has ever made, the bases among them
    foreach ($line in (LinesOf (ReadText ($UserHome + '\.conda\environments.txt')))) {
        if ($line -match '^[A-Za-z]:\\' -and $line -notmatch '\.\.') { $line.TrimEnd('\') + '\Scripts\conda.exe' }
    }
}
function CondaFacts {
    $prefix = OwnPath $RF_CONDA_PREFIX_WANTED
    $seen = @()
    foreach ($file in (CondaPlaces $prefix)) {
        if ($seen -notcontains $file) {
            $seen = $seen + $file
            $version = CondaVersion $file
            if ($version) { Emit 'conda' ((CondaKind $file) + ' ' + $version + ' ' + $file) }
        }
    }
    Emit 'conda_prefix' (CondaState $prefix)
}
# Both are needed: since then somebody may have put a conda of their own there.
function CondaIsOurs($prefix) {
    if (-not [IO.File]::Exists($prefix + '\.rayfab')) { return $false }
    return -not (@(LinesOf (ReadText ($Root + '\.conda'))) -notcontains $prefix)
}
# absent, ours, found (another one that works), broken (ours), foreign
function CondaState($prefix) {
    if (-not [IO.Directory]::Exists($prefix)) {
        if ([IO.File]::Exists($prefix)) { return 'foreign' }
        return 'absent'
    }
    if ([IO.Directory]::GetFileSystemEntries($prefix).Length -eq 0) { return 'absent' }
    $ours = CondaIsOurs $prefix
    $works = CondaVersion ($prefix + '\Scripts\conda.exe')
    # the installer writes its counterpart last; without it ours was interrupted
    $began = (ReadText ($Root + '\.conda-installing')).Trim() -eq $prefix
    if ($began -and ([IO.Directory]::GetFiles($prefix, 'Uninstall-*.exe').Length -eq 0 -or -not $works)) { return 'broken' }
    if ($works) {
        if ($ours) { return 'ours' }
        return 'found'
    }
    if ($ours) { return 'broken' }
    return 'foreign'
}
# A folder of the user's that is not there yet; the last cluster takes it away if it is empty again.
function CondaHome {
    if (-not [IO.Directory]::Exists($UserHome + '\.conda')) { WriteText ($Root + '\.made-conda') '' }
}
# Takes a folder, and what lies below it, out of the list of environments that conda keeps in the user's home.
function CondaForget($gone) {
    $file = $UserHome + '\.conda\environments.txt'
    $kept = ''
    $known = $false
    foreach ($line in (LinesOf (ReadText $file))) {
        if (($line + '\').ToLower().StartsWith(($gone + '\').ToLower())) { $known = $true }
        else { $kept = $kept + $line + "`r`n" }
    }
    if (-not $known) { return }
    if ($kept) { WriteText $file $kept } else { Remove $file }
}
# `conda activate NAME` works with any conda, and none is changed: a junction, which needs no right of its own.
function CondaLink($name, $target) {
    CondaUnlink
    $folder = $UserHome + '\.conda\envs'
    $link = $folder + '\' + $name
    $taken = ''
    if ([IO.Directory]::Exists($link) -or [IO.File]::Exists($link)) { $taken = $link }
    foreach ($line in (LinesOf (ReadText ($UserHome + '\.conda\environments.txt')))) {
        if ($line.ToLower().EndsWith('\' + $name.ToLower())) { $taken = $line }
    }
    if ($taken) {
        Emit 'note' ('there is another conda environment ' + $name + ' (' + $taken + '); this one is: conda activate ' + $target)
        return
    }
    CondaHome
    $null = [IO.Directory]::CreateDirectory($folder)
    $null = New-Item -ItemType Junction -Path $link -Target $target
    WriteText ($Node + '\conda-link') $link
}
function CondaUnlink {
    $link = (ReadText ($Node + '\conda-link')).Trim()
    if (-not $link) { return }
    # without what is in it: only the junction goes, and nothing else that may have come in its place
    try {
        [IO.Directory]::Delete($link)
        CondaForget $link
    } catch { $null = $_ }
    Remove ($Node + '\conda-link')
}
# What is shared by the clusters goes with the last of them.
function CondaGone {
    if ([IO.File]::Exists($Root + '\.made-conda')) {
        foreach ($folder in @('\.conda\envs', '\.conda')) {
            try { [IO.Directory]::Delete($UserHome + $folder) } catch { $null = $_ }
        }
    }
    foreach ($name in @('\.store', '\.cache', '\.uv')) { RemoveTree ($Root + $name) }
    foreach ($name in @('\.made-conda', '\.conda-installing', '\.ca.pem')) { Remove ($Root + $name) }
}
# A conda that was installed here, if that is wanted; never one that somebody works in.
function CondaPurge($others) {
    $left = ''
    foreach ($prefix in (LinesOf (ReadText ($Root + '\.conda')))) {
        if (-not (CondaIsOurs $prefix)) { continue }
        $why = ''
        if ([IO.Directory]::Exists($prefix + '\envs')) {
            foreach ($name in [IO.Directory]::GetDirectories($prefix + '\envs', '*')) { $why = $why + ' ' + [IO.Path]::GetFileName($name) }
        }
        if ($why) { $why = ' (it holds environments:' + $why + ')' }
        if ($others) { $why = ' (another cluster is on this host)' }
        if (-not $RF_PURGE -or $why) {
            if (-not $RF_PURGE) { $why = '' }
            Emit 'kept' ($prefix + $why)
            $left = $left + $prefix + "`n"
            continue
        }
        foreach ($file in [IO.Directory]::GetFiles($prefix, 'Uninstall-*.exe')) {
            # _?= comes last and without quotes; with it the program waits for itself
            $null = RunLast ('removing ' + $prefix) $file @('/S') ('_?=' + $prefix)
        }
        try { RemoveTree $prefix } catch { Fail ('cannot remove ' + $prefix + ': ' + $_) }
        CondaForget $prefix
        $script:Changed = 1
    }
    if ($left) { WriteText ($Root + '\.conda') $left } else { Remove ($Root + '\.conda') }
}
# A program of NSIS's: its last word goes to the end of the line, never in quotes.
function RunLast($text, $file, $words, $last) {
    $script:LastWord = ' ' + $last
    try { return Busy $text $file $words } finally { $script:LastWord = '' }
}
# A node in a container of Docker Desktop, kept alive by its restart policy, or under a task (task.ps1).
function NodeService {
    $kind = (ReadText ($Node + '\service')).Trim()
    if ($kind) { return $kind }
    return 'none'
}
function NodeActive {
    if ((NodeService) -eq 'task') {
        if (LoopPid) { return 'active' }
        return 'inactive'
    }
    $run = Dk @('inspect', '-f', '{{.State.Status}}', $RF_UNIT) ''
    if ($run.Said.Trim() -eq 'running') { return 'active' }
    if ($run.Said.Trim() -eq 'restarting') { return 'activating' }
    return 'inactive'
}
function NodeFacts {
    $kind = NodeService
    Emit 'service' $kind
    if ($kind -eq 'docker' -and (DockerProblem)) { Emit 'active' 'inactive' } else { Emit 'active' (NodeActive) }
    EnvFacts
}
# a container is stopped, not removed: its log can still be read
function NodeDown {
    if ((NodeService) -eq 'task') {
        TaskDown
        return
    }
    $run = Dk @('stop', $RF_UNIT) ''
    if ($run.Code -ne 0 -and (Dk @('ps', '-q', '-f', ('name=^/' + $RF_UNIT + '$')) '').Said.Trim()) {
        Fail ('cannot stop the container ' + $RF_UNIT) 'look at: docker ps'
    }
}
# What `ray start` has said, on both of the container's streams.
function NodeLog($count) {
    if ((NodeService) -eq 'task') { return @(LinesOf (ReadOpen ($Node + '\start.log'))) }
    $words = @('logs')
    if ($count) { $words = $words + @('--tail', $count) }
    $run = Dk ($words + $RF_UNIT) ''
    return @(LinesOf $run.Said) + @(LinesOf $run.Errors)
}
function NodeLogBefore {
    if ((NodeService) -eq 'docker') { return @(NodeLog '') }
    return @(LinesOf (ReadOpen ($Node + '\start.log.1'))) + @(NodeLog '')
}
function NodeTries {
    if ((NodeService) -eq 'task') { return @(LinesOf (ReadOpen ($Node + '\starts'))).Count - 1 }
    $said = (Dk @('inspect', '-f', '{{.RestartCount}}', $RF_UNIT) '').Said.Trim()
    if ($said) { return [int]$said }
    return 0
}
# Ray's session folders that were this node's; they are removed when the cluster is.
function NoteSessions {
    # a task's are in a folder of this cluster's alone
    if ((NodeService) -ne 'docker') { return }
    $known = @(LinesOf (ReadText ($Node + '\sessions')))
    $words = Dk @('exec', $RF_UNIT, 'sh', '-c', "cat /proc/[0-9]*/cmdline | tr '\0' ' '") ''
    $text = (@(NodeLog '') -join ' ') + ' ' + $words.Said
    foreach ($found in [regex]::Matches($text, '/session_[0-9_-]+')) {
        $name = $found.Value.Substring(1)
        if ($known -notcontains $name) { $known = $known + $name }
    }
    WriteText ($Node + '\sessions') ((@($known) -join "`n") + "`n")
}
# Docker Desktop's links are none that Windows can follow, so the newest session is known by its name.
function NewestLogs($folder) {
    $newest = ''
    if ([IO.Directory]::Exists($folder)) {
        foreach ($path in [IO.Directory]::GetDirectories($folder, 'session_2*')) {
            $logs = $path + '\logs'
            if ([IO.Directory]::Exists($logs) -and [string]::CompareOrdinal($logs, $newest) -gt 0) { $newest = $logs }
        }
    }
    return $newest
}
# Opened for reading beside the one who writes.
function OpenLog($path) { return [IO.File]::Open($path, 'Open', 'Read', 'ReadWrite, Delete') }
# Where Ray's own folder lies on this host, as the last start has left it.
function NodeTemp {
    $kept = (ReadText ($Node + '\temp')).Trim()
    if ($kept) { return $kept }
    return $UserHome + '\tmp\ray'
}
# The words of a command inside; a container that started as root would run it as root.
function Inside($words) {
    $user = (ReadText ($Node + '\user')).Trim()
    if ($user) { return @('exec', '-i', '--user', $user, $RF_UNIT) + $words }
    return @('exec', '-i', $RF_UNIT) + $words
}
# Started inside, with what it reads; both streams as one, in order.
function NodeExec($words, $given) {
    if ((NodeService) -eq 'task') { return BeginHere $words $given }
    return BeginDk (Inside (@('sh', '-c', 'exec "$@" 2>&1', 'sh') + $words)) $given
}
# As above, its errors apart.
function NodeAsk($words, $given) {
    if ((NodeService) -eq 'task') { return BeginHere $words $given }
    return BeginDk (Inside $words) $given
}
function SayAll($run) {
    while ($null -ne ($line = $run.Reader.ReadLine())) { Say $line }
    EndRun $run
    foreach ($line in (LinesOf $run.Errors)) { Say $line }
}
function NeedNode {
    if ((NodeService) -eq 'none') { Fail "no Ray node of this cluster is running here" 'fab deploy-cluster starts it' }
    if ((NodeService) -eq 'docker') { NeedDocker }
}
# Waits until `ray start` says that it has started.
function WaitRay {
    $began = [DateTime]::UtcNow
    $shown = 0
    while ($true) {
        $log = @(NodeLog '')
        if (($log -join "`n") -match 'Ray runtime started') { break }
        $passed = [int]([DateTime]::UtcNow - $began).TotalSeconds
        if ($passed -gt $shown) {
            $shown = $passed
            Step ('waiting for Ray, ' + $passed + ' s')
            $tries = NodeTries
            if ($passed -ge [int]$RF_START_TIMEOUT -or $tries -ge 2) {
                EmitText 'log' (LastOf (NodeLogBefore) 25)
                NodeDown
                if ($passed -ge [int]$RF_START_TIMEOUT) { Fail ('Ray did not start within ' + $RF_START_TIMEOUT + ' s') }
                Fail 'ray start failed twice'
            }
        }
        Nap 300
    }
    if (($log -join "`n") -match "--address='[^']+'") { EmitText 'address' @($Matches[0]) }
    # now, since after a crash or a reboot there is another one
    NoteSessions
    Emit 'started' 1
}
try {
# Replaces this node's container and waits for Ray.
NeedDocker
MakeNode
if ((NodeService) -ne 'none') {
    NoteSessions
    Step 'stopping the previous node'
    NodeDown
}
$null = Dk @('rm', '-f', '-v', $RF_UNIT) ''
Remove ($Node + '\state.json')
if (-not [IO.Directory]::Exists([IO.Path]::GetDirectoryName($RF_TEMP_DIR))) { WriteText ($Node + '\made-tmp') '' }
$null = [IO.Directory]::CreateDirectory($RF_TEMP_DIR)
WriteText ($Node + '\service') 'docker'
WriteText ($Node + '\temp') $RF_TEMP_DIR
WriteText ($Node + '\user') $RF_CONTAINER_USER
# Docker reads the token from a file in our own folder, so that no argument list holds it.
$given = ''
if ($RF_TOKEN) {
    $given = 'RAY_AUTH_TOKEN=' + $RF_TOKEN + "`n"
    WriteText ($Node + '\token') $RF_TOKEN
}
WriteText ($Node + '\container.env') $given
Step 'starting the container'
$run = Dk (@('run', '--env-file', ($Node + '\container.env')) + $RF_RUN) ''
Remove ($Node + '\container.env')
if ($run.Code -ne 0) {
    $null = Dk @('rm', '-f', $RF_UNIT) ''
    $hint = ''
    if ($run.Errors -match 'forbidden by its access permissions') {
        $hint = 'Windows keeps some of these ports for itself (netsh int ipv4 show excludedportrange protocol=tcp): choose others under ray.ports'
    }
    $says = ($run.Errors -replace '(?m)^.*docker run --help.*$', '').Trim()
    Fail ('docker run failed: ' + (@(LastOf (LinesOf $says) 3) -join ' ')) $hint
}
WaitRay
WriteText ($Node + '\state.json') $RF_STATE
Finish 0
} catch { Fail ('unexpected: ' + $_) }
