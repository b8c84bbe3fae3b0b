"""The psutil in each of Ray's wheels, a part of programs for Windows. To import Ray itself would take seconds."""

import importlib.util
import os
import sys


def import_psutil():
    """It, or else one that is installed."""
    ray = importlib.util.find_spec("ray")
    if ray and ray.submodule_search_locations:
        sys.path.insert(0, os.path.join(next(iter(ray.submodule_search_locations)), "thirdparty_files"))
    import psutil

    return psutil


psutil = import_psutil()
