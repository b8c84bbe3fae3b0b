"""Stand-ins for programs of Windows', and of conda's there: one file that does the work of them all.

A program is a small file in the folder that stands for C:, which starts this with its own path. Paths come translated.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

C = Path(os.environ.get("STANDIN_C", "/nonexistent"))
SPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
SID = "S-1-5-21-1-2-3-1001"
RAY_MODE = "standin/ray"


def here(text: str) -> str:
    r"""Text with what looks like C:\x or C:/x as it is called on this machine."""
    return re.sub(r"C:[\\/]([^\";]*)", lambda m: f"{C}/" + m.group(1).replace("\\", "/"), text)


def put(path: Path) -> None:
    """A program at this place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\n# a stand-in\nexec {sys.executable} {__file__} "$0" "$@"\n')
    path.chmod(0o755)


def put_all(c: Path) -> None:
    """What every Windows has."""
    for name in ("curl", "robocopy", "schtasks", "taskkill", "tar"):
        put(c / f"Windows/System32/{name}.exe")


def flag(name: str) -> bool:
    return (C / "standin" / name).exists()


def note(line: str) -> None:
    (C / "standin").mkdir(exist_ok=True)
    with (C / "standin/log").open("a") as file:
        file.write(line + "\n")


def end(code: int, said: str = "") -> None:
    if said:
        print(said, file=sys.stderr)
    sys.exit(code)


# Windows


def curl(me: Path, words: list[str]) -> None:
    known = shutil.which("curl", path="/usr/local/bin:/usr/bin:/bin")
    os.execv(known, ["curl", *(w for w in words if w != "--ssl-no-revoke")])


def tar(me: Path, words: list[str]) -> None:
    os.execvp("tar", ["tar", *words])


def robocopy(me: Path, words: list[str]) -> None:
    """Only what makes a folder as empty as another."""
    empty, target, mirror = Path(words[0]), Path(words[1]), words[2]
    if mirror != "/MIR" or any(empty.iterdir()):
        end(16)
    for path in target.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def tasks() -> Path:
    folder = C / "Windows/System32/Tasks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run_task(name: str) -> None:
    tree = ElementTree.fromstring((tasks() / name).read_bytes().decode("utf-16"))
    interactive = tree.findtext(f".//{SPACE}LogonType") == "InteractiveToken"
    if interactive and flag("nobody-logged-in"):
        return
    command, arguments = (tree.findtext(f".//{SPACE}{what}") for what in ("Command", "Arguments"))
    subprocess.Popen(
        [here(command), here(arguments).strip('"')],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def schtasks(me: Path, words: list[str]) -> None:
    note("schtasks " + " ".join(words))
    what, name = words[0], words[words.index("/TN") + 1]
    file = tasks() / name
    if what == "/Create":
        data = Path(words[words.index("/XML") + 1]).read_bytes()
        if not data.startswith(b"\xff\xfe"):
            end(1, "ERROR: The task XML is malformed.")
        tree = ElementTree.fromstring(data.decode("utf-16"))
        if {e.text for e in tree.iter(f"{SPACE}UserId")} != {SID}:
            end(1, "ERROR: No mapping between account names and security IDs was done.")
        if flag("no-administrator") and tree.find(f".//{SPACE}BootTrigger") is not None:
            end(1, "ERROR: Access is denied.")
        if file.exists() and "/F" not in words:
            end(1, "WARNING: the task name already exists.")
        file.write_bytes(data)
    elif not file.exists():
        end(1, "ERROR: The system cannot find the file specified.")
    elif what == "/Delete":
        file.unlink()
    elif what == "/Run":
        run_task(name)
    elif what != "/Query":
        end(1, f"ERROR: Invalid argument {what}")


def taskkill(me: Path, words: list[str]) -> None:
    if words[0] != "/PID" or words[2:] != ["/T", "/F"]:
        end(1, "ERROR: Invalid argument")
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [int(words[1])]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


# conda, and what comes with it


def installer(me: Path, words: list[str]) -> None:
    """As Miniconda's: silent, the folder last and bare; a program that takes it away is written at the end."""
    note("installer " + " ".join(words))
    if words[:4] != ["/InstallationType=JustMe", "/RegisterPython=0", "/AddToPath=0", "/S"]:
        end(2)
    if len(words) != 5 or not words[4].startswith("/D="):
        end(2)
    prefix = Path(words[4][3:])
    if prefix.exists() and any(prefix.iterdir()):
        end(2)
    put(prefix / "python.exe")
    put(prefix / "Scripts/conda.exe")
    if flag("installer-dies"):
        end(
            1,
            "OSError: [WinError 112] There is not enough space on the disk"
            if flag("disk-full")
            else "killed",
        )
    (C / "Users/me/.conda").mkdir(exist_ok=True)
    with (C / "Users/me/.conda/environments.txt").open("a", newline="") as file:
        file.write("C:\\Users\\me\\conda\r\n")
    put(prefix / "Uninstall-Miniconda3.exe")


def uninstaller(me: Path, words: list[str]) -> None:
    note("uninstaller " + " ".join(words))
    if words != ["/S", f"_?={me.parent}"]:
        end(2)
    for path in me.parent.iterdir():
        if path != me:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def conda(me: Path, words: list[str]) -> None:
    if words == ["--version"]:
        if flag("conda-broken"):
            end(1, "ImportError: DLL load failed")
        print("conda 24.9.2")
        return
    note("conda " + " ".join(words))
    if words[:6] != ["create", "-y", "-q", "--offline", "--override-channels", "-c"]:
        end(2, "conda: error: unknown arguments")
    wanted = {"CONDA_REGISTER_ENVS": "false", "CONDA_PKGS_DIRS": f"{C}/Users/me/.rayfab/.cache/conda/pkgs"}
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        end(2, "it would write into the user's own folders")
    first, *lines = Path(words[words.index("--file") + 1]).read_text().split()
    if first != "@EXPLICIT":
        end(2, "no explicit file")
    target = Path(words[words.index("-p") + 1])
    if target.exists():
        end(1, f"CondaValueError: prefix already exists: {target}")
    for line in lines:
        file = Path(here(line.removeprefix("file:///")))
        if not file.is_file():
            end(1, f"CondaHTTPError: cannot fetch {line}, offline")
        if match := re.fullmatch(r"python-([\d.]+)-.*", file.name):
            for name in ("python.exe", "pythonw.exe"):
                put(target / name)
            (target / "python.version").write_text(match.group(1))
        (target / "conda-meta").mkdir(parents=True, exist_ok=True)
        (target / "conda-meta" / f"{file.name}.json").write_text("{}")
    (target / "Lib").mkdir()


def packages(target: Path, words: list[str]) -> None:
    """What pip and uv do with a list of files."""
    note(f"{'offline ' if '--no-index' in words else ''}install {' '.join(words)}")
    if "--no-deps" not in words or (flag("packages-fail")):
        end(1, "ERROR: something went wrong")
    if "--no-index" in words and "--require-hashes" not in words:
        end(1, "ERROR: anything would do")
    for line in Path(words[words.index("-r") + 1]).read_text().splitlines():
        name = re.split("==|-", line.rpartition("/")[2])[0]
        if "==" in line:
            wanted, _, digest = line.partition(" --hash=sha256:")
            store = Path(words[words.index("--find-links") + 1])
            found = list(store.glob(wanted.replace("==", "-") + "-*"))
        else:
            found, digest = [Path(here(line.removeprefix("file:///")))], ""
        if [f for f in found if f.is_file() and digest in ("", sha256(f.read_bytes()).hexdigest())] == []:
            end(1, f"ERROR: no such file: {line}")
        (target / f"Lib/site-packages/{name}").mkdir(parents=True)
        (target / f"Lib/site-packages/{name}/__init__.py").write_text("")
        info = target / f"Lib/site-packages/{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("")
        record = f"{name}/__init__.py,,\n" + ("../../Scripts/ray.exe,,\n" if name == "ray" else "")
        (info / "RECORD").write_text(record)
        if name == "ray":
            put(target / "Scripts/ray.exe")
            put(target / "Lib/site-packages/ray/raylet.exe")
            brought = target / "Lib/site-packages/ray/thirdparty_files/psutil.py"
            brought.parent.mkdir()
            shutil.copy(Path(__file__).parent / "psutil_standin.py", brought)


def python(me: Path, words: list[str]) -> None:
    words = words[2:] if words[0] == "-W" else words[1:] if words[0] == "-I" else words
    # what is installed in its environment
    sys.path.insert(0, str(me.parent / "Lib/site-packages"))
    if words[0] == "ray-start":
        ray_start(me, words[1:])
    elif words == ["-V"]:
        print("Python " + (me.parent / "python.version").read_text())
    elif words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        exec(words[1], {"__name__": "__main__"})
    elif words[0] == "-":
        sys.argv = words
        code = sys.stdin.read()
        exec(code, {"__name__": "__main__"})
    elif words[:3] == ["-m", "pip", "install"]:
        packages(me.parent, words[3:])
    elif words[0].endswith(".py"):
        script(words)
    else:
        end(2, f"unknown: {words}")


def script(words: list[str]) -> None:
    """A script that starts programs by their names on Windows."""
    real = subprocess.Popen

    class Popen(real):
        def __init__(self, given, **more):
            if "cwd" in more:
                more["cwd"] = here(more["cwd"])
            if "env" in more:
                more["env"] = {**more["env"], "WIN_PATH": more["env"]["PATH"], "PATH": os.environ["PATH"]}
            super().__init__([here(word) for word in given], **more)

    subprocess.Popen = Popen
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")


def uv(me: Path, words: list[str]) -> None:
    if words == ["--version"]:
        print(f"uv {me.parent.name} (stand-in)")
    elif words[:2] == ["pip", "install"]:
        note("uv")
        packages(Path(words[words.index("--python") + 1]).parent, words[2:])
    else:
        end(2, f"unknown: {words}")


def ray(me: Path, words: list[str]) -> None:
    note("ray " + " ".join(words))
    if words == ["--version"]:
        print("ray, version 2.52.0")
        print("to its errors", file=sys.stderr)
        return
    if words[0] != "start" or words[-1] != "--block":
        return
    (C / "standin/ray.env").write_text(json.dumps(dict(os.environ)))
    if flag("ray-fails"):
        end(1, "a traceback\nOSError: port 20000 is in use")
    temp = Path(here(next(w for w in words if w.startswith("--temp-dir=")).partition("=")[2]))
    logs = temp / "session_2026-01-02_03-04-05_1/logs"
    logs.mkdir(parents=True, exist_ok=True)
    (logs / "raylet.out").write_text("raylet is up\n")
    # `ray.exe` is a launcher of Python, and that starts Ray's processes
    words = [str(me.parent.parent / "python.exe"), "ray-start", *words]
    sys.exit(subprocess.call(words))


def ray_start(me: Path, words: list[str]) -> None:
    """As `ray start --block`: it ends with a raylet that crashes, and stays if the raylet ends as after `ray stop`."""
    arguments = ["--node_id=" + "ab" * 28]
    child = subprocess.Popen([str(me.parent / "Lib/site-packages/ray/raylet.exe"), *arguments])
    print("Ray runtime started.\n  ray start --address='10.0.0.1:6379'", flush=True)
    child.wait()
    if flag("raylet-ends-in-peace"):
        time.sleep(600)
    sys.exit(1)


def raylet(me: Path, words: list[str]) -> None:
    time.sleep(600)


def main(path: str, words: list[str]) -> None:
    me, words = Path(path), [here(word) for word in words]
    name = me.name.lower().removesuffix(".exe")
    if name.startswith("uninstall-"):
        uninstaller(me, words)
    elif name.startswith("miniconda3-"):
        installer(me, words)
    else:
        {"pythonw": python}.get(name, getattr(sys.modules[__name__], name, None))(me, words)


def wheel(path: Path, member: str = "") -> None:
    """A file that is a wheel; uv's holds a program."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x/METADATA", "")
        if member:
            file.writestr(member, f'#!/bin/sh\nexec {sys.executable} {__file__} "$0" "$@"\n')


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
