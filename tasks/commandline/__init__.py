"""The command line: Fabric's own, made to say what is wrong, to ignore nothing, and to show tasks in groups."""

from tasks.commandline.line import line
from tasks.commandline.mistakes import Mistake

__all__ = ["Mistake", "line"]
