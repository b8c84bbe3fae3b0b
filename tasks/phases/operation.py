"""Each operation as the list of its steps, in order.

Steps that change hosts declare it, and a dry run leaves them out: see :class:`tasks.run.step.Step`. The lock that a
step takes is released when the operation ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from tasks.phases.agree import (
    agree_to_changes,
    agree_to_destroy,
    agree_to_new_images,
    agree_to_restart,
    agree_to_stop,
)
from tasks.phases.bring_up import install_ahead, install_and_start
from tasks.phases.connect import connect_all, connect_chosen
from tasks.phases.gather_facts import gather_facts, lock_and_gather_facts
from tasks.phases.head import need_current_head, need_head, need_running_head, note_missing_head
from tasks.phases.plan import plan
from tasks.phases.reach import reach_head
from tasks.phases.read_status import read_status
from tasks.phases.resolve import resolve
from tasks.phases.resume import leave_out_bare_hosts, note_stopped, restart_all, start_only_stopped
from tasks.phases.stop import destroy, stop
from tasks.phases.validate import validate
from tasks.phases.verify import verify
from tasks.run.step import Step
from tasks.runtimes.conda.steps.resolve import check_conda_files
from tasks.runtimes.docker.steps.engine import install_docker
from tasks.runtimes.docker.steps.image_file import check_image_archives
from tasks.runtimes.docker.steps.images import compare_images, find_images, get_images

Steps = Sequence[Step]

_BEGIN: Steps = (
    check_image_archives,
    check_conda_files,
    connect_all,
    lock_and_gather_facts,
    need_head,
)
_IMAGES: Steps = (
    find_images,
    get_images,
    compare_images,
)
# The images come before the plan, because they hold the versions of Ray and Python.
PREPARE: Steps = (
    *_BEGIN,
    validate,
    need_running_head,
    agree_to_new_images,
    install_docker,
    *_IMAGES,
    resolve,
    plan,
    need_current_head,
    reach_head,
    agree_to_changes,
)
DEPLOY: Steps = (
    *PREPARE,
    install_and_start,
    verify,
)
PULL_IMAGE: Steps = (
    *_BEGIN,
    validate,
    install_docker,
    *_IMAGES,
)
# Nothing is installed: what is missing is the business of a deploy.
START: Steps = (
    check_conda_files,
    connect_all,
    lock_and_gather_facts,
    need_head,
    leave_out_bare_hosts,
    validate,
    need_running_head,
    resolve,
    plan,
    start_only_stopped,
    reach_head,
    install_and_start,
    verify,
)
# Everything that can fail before the stop does so while the cluster still runs.
RESTART: Steps = (
    *_BEGIN,
    leave_out_bare_hosts,
    validate,
    need_running_head,
    agree_to_restart,
    install_docker,
    *_IMAGES,
    resolve,
    plan,
    need_current_head,
    restart_all,
    reach_head,
    install_ahead,
    stop,
    note_stopped,
    install_and_start,
    verify,
)
STOP: Steps = (
    connect_all,
    lock_and_gather_facts,
    note_missing_head,
    agree_to_stop,
    stop,
)
REMOVE: Steps = (
    *STOP[:-1],
    destroy,
)
DESTROY: Steps = (
    connect_all,
    lock_and_gather_facts,
    note_missing_head,
    agree_to_destroy,
    destroy,
)
FACTS: Steps = (
    connect_all,
    gather_facts,
)
STATUS: Steps = (
    *FACTS,
    read_status,
)
CHECK: Steps = (
    check_image_archives,
    check_conda_files,
    *FACTS,
)
REACH: Steps = (connect_chosen,)
