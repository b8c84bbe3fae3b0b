"""Options that several tasks share, and the decorator of every task.

``fab --list`` imports every module that defines tasks. So these modules import little at the top, and a task imports
what it needs when it is called; tests/test_startup.py checks it.
"""

from __future__ import annotations

import functools

import invoke

HOSTS_FILE = "hosts file (default: $RAY_HOSTS_FILE, else my_hosts.yml or hosts.yml beside the fabfile)"
LIMIT = (
    "only these hosts: names, addresses, globs, ranges, @GROUP of the hosts file, label:KEY=VALUE, state:STATE, "
    "comma-separated or repeated; @failed: those that failed in the last run; !ITEM: without these"
)
DEBUG = "show every script and its answer"
UPGRADE = "choose all package versions again, ignoring what was locked before"
BUNDLE = "a file made by fab bundle: everything comes from it, without Internet access"
YES = "don't ask for confirmation; required without a terminal"
TEN_MINUTES = "10m"
DEADLINE = "how long work may take to end, such as 90s, 10m or 2h (default 10m); then it is ended"

COMMON = {"hosts_file": HOSTS_FILE, "debug": DEBUG}
WITH_LIMIT = {**COMMON, "limit": LIMIT}

# Short flags are made from first letters, so that -h would be --host here and --hosts-file there: there are none.
# Nothing is positional: the first argument would be taken as its value, even --help.
task = functools.partial(invoke.task, auto_shortflags=False, positional=[])
