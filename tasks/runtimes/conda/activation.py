"""The changes that ``conda activate`` makes to the environment of a process."""

from __future__ import annotations

from tasks.node.supervisors import Activation

# Most files in these folders are libraries, which Windows searches for on the PATH.
WINDOWS_FOLDERS = (
    "",
    r"\Library\mingw-w64\bin",
    r"\Library\usr\bin",
    r"\Library\bin",
    r"\Scripts",
    r"\bin",
)


def activation(name: str, system: str, env_dir: str) -> Activation:
    """Describes the activation of an environment.

    :param name: the environment's name.
    :param system: the system, as ``uname -s`` prints it.
    :param env_dir: the environment's folder.
    """
    if system == "Windows":
        variables = {
            "CONDA_PREFIX": env_dir.replace("/", "\\"),
            # otherwise Python writes to pipes and files in the system's code page
            "PYTHONIOENCODING": "utf-8",
            "PYTHONNOUSERSITE": "1",
        }
        return Activation(variables, folders=WINDOWS_FOLDERS)
    # PYTHONNOUSERSITE: unlike a virtual environment, this one would use ~/.local. LD_LIBRARY_PATH is kept, as conda's
    # own `activate` does, since it may lead to a GPU's driver.
    variables = {"CONDA_PREFIX": env_dir, "CONDA_DEFAULT_ENV": name, "PYTHONNOUSERSITE": "1"}
    return Activation(variables, unset=("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH"))
