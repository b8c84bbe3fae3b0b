"""The command line: Fabric's own, with clear errors, no ignored flags, and tasks listed in groups."""

from tasks.commandline.line import line
from tasks.commandline.mistakes import Mistake

__all__ = ["Mistake", "line"]
