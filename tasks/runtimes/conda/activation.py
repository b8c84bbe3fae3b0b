"""What ``conda activate`` does to the environment of a process."""

from __future__ import annotations

from tasks.node.supervisors import Activation

# Most of what lies in these folders are libraries, which Windows looks for on the PATH.
WINDOWS_FOLDERS = (
    "",
    r"\Library\mingw-w64\bin",
    r"\Library\usr\bin",
    r"\Library\bin",
    r"\Scripts",
    r"\bin",
)


def activation(name: str, system: str, env_dir: str) -> Activation:
    """:param name: of the environment; :param system: as ``uname -s`` has it; :param env_dir: its folder."""
    if system == "Windows":
        variables = {
            "CONDA_PREFIX": env_dir.replace("/", "\\"),
            # into a pipe or a file, Python would write in the system's code page
            "PYTHONIOENCODING": "utf-8",
            "PYTHONNOUSERSITE": "1",
        }
        return Activation(variables, folders=WINDOWS_FOLDERS)
    # Unlike a virtual environment it would see ~/.local. LD_LIBRARY_PATH stays: conda's own `activate` leaves it
    # too, and it may lead to the driver of a GPU.
    variables = {"CONDA_PREFIX": env_dir, "CONDA_DEFAULT_ENV": name, "PYTHONNOUSERSITE": "1"}
    return Activation(variables, unset=("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH"))
