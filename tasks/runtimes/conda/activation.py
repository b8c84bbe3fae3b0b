"""The changes that ``conda activate`` makes to the environment of a process."""

from __future__ import annotations

from tasks.node.supervisors import Activation
from tasks.text.quoting import posix as quote

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
    return Activation(variables, unset=("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH"), code=_conda_exe(env_dir))


def _conda_exe(env_dir: str) -> str:
    """Shell code that sets ``CONDA_EXE``, with which Ray finds conda for a job's ``runtime_env={"conda": ...}``.

    The host reads it at each start, so that a conda which comes or goes does not change the node. Ray needs the file
    ``conda.sh`` as well, which a micromamba does not have.
    """
    base = quote(env_dir.rpartition("/envs/")[0] + "/conda-base")
    return (
        f'if IFS= read -r CONDA_EXE 2>/dev/null <{base} && [ -r "$CONDA_EXE/etc/profile.d/conda.sh" ]; then\n'
        '    export CONDA_EXE="$CONDA_EXE/bin/conda"\n'
        "else\n"
        "    unset CONDA_EXE\n"
        "fi"
    )
