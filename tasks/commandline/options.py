"""Options that several tasks share, and the decorator of every task.

``fab --list`` imports every module that defines tasks. So these modules import little at the top, and a task imports
what it works with when it is called; tests/test_startup.py checks it.
"""

from __future__ import annotations

import functools

import invoke

HOSTS_FILE = "the hosts file; else $RAY_HOSTS_FILE, else my_hosts.yml or hosts.yml beside the fabfile"
LIMIT = (
    "only these hosts: names, addresses, globs, with commas or repeated; @failed: those that failed last time"
)
DEBUG = "show every script and its answer"
UPGRADE = "choose the versions of all packages anew, whatever was locked before"
BUNDLE = "a file of fab bundle: conda hosts are installed from it and need no Internet"
YES = "do not ask; needed without a terminal"

COMMON = {"hosts_file": HOSTS_FILE, "debug": DEBUG}
WITH_LIMIT = {**COMMON, "limit": LIMIT}

# Short flags are made from first letters, so that -h would be --host here and --hosts-file there: there are none.
# Nothing is positional, or the first argument would be taken for it whatever it is, --help included.
task = functools.partial(invoke.task, auto_shortflags=False, positional=[])
