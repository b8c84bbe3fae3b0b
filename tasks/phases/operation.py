"""Each operation as the list of its steps, in order.

Steps that change hosts declare it, and a dry run leaves them out: see :class:`tasks.run.step.Step`. The lock that a
step takes is released when the operation ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from tasks import runtimes
from tasks.phases.agree import (
    agree_to_certain_restarts,
    agree_to_changes,
    agree_to_destroy,
    agree_to_drain,
    agree_to_restart,
    agree_to_stop,
)
from tasks.phases.bring_up import install_ahead, install_and_start
from tasks.phases.check_files import check_files, check_files_to_start
from tasks.phases.connect import connect_all, connect_chosen
from tasks.phases.drain import (
    drain_first,
    hold_and_drain,
    hold_for_maintenance,
    leave_out_stopped,
    need_drain,
)
from tasks.phases.gather_facts import gather_facts, lock_and_gather_facts
from tasks.phases.head import need_current_head, need_head, need_running_head, note_missing_head
from tasks.phases.hooks import after_join, before_deploy
from tasks.phases.kill_head import agree_to_kill, kill_gcs_and_head
from tasks.phases.maintenance import end_maintenance, leave_out_maintenance, refuse_maintenance
from tasks.phases.plan import plan
from tasks.phases.prune import agree_to_prune, prune
from tasks.phases.reach import reach_all, reach_running, reach_started
from tasks.phases.read_status import read_status
from tasks.phases.resolve import resolve
from tasks.phases.resume import leave_out_bare_hosts, note_stopped, restart_all, start_only_stopped
from tasks.phases.show_hosts import announce, say_ready, show_hosts
from tasks.phases.stop import destroy, stop
from tasks.phases.switch import switch
from tasks.phases.take_down import taking_down_new
from tasks.phases.upgrade import (
    agree_to_switch,
    choose_all,
    choose_previous,
    fetch_and_try,
    need_all,
    need_running,
    need_way_back,
    read_kept,
)
from tasks.phases.validate import validate
from tasks.phases.verify import stop_failed, verify
from tasks.run.step import Step, in_dry_run

Steps = Sequence[Step]

_BEGIN: Steps = (
    check_files,
    connect_all,
    lock_and_gather_facts,
    need_head,
    agree_to_prune,
    leave_out_maintenance,
)
# What runtimes install before the plan: Docker and images, since an image determines the versions.
_BEFORE_PLAN: Steps = tuple(one for name in runtimes.NAMES for one in runtimes.steps_by_name(name).preparing)
# What shows that started nodes work; those that do not are stopped again.
_PROVE: Steps = (verify, reach_running, after_join, stop_failed)
# `fab plan` and a dry run of `fab deploy-cluster` are this list.
PREPARE: Steps = (
    *_BEGIN,
    validate,
    need_running_head,
    agree_to_certain_restarts,
    before_deploy,
    need_head,
    *_BEFORE_PLAN,
    resolve,
    plan,
    need_current_head,
    reach_started,
    agree_to_changes,
)
DEPLOY: Steps = (
    *PREPARE,
    prune,
    install_and_start,
    *_PROVE,
)
# What is started on hosts that are not in the hosts file yet, and fails, leaves nothing behind.
ADD: Steps = (
    *PREPARE,
    taking_down_new((install_and_start, *_PROVE)),
)
PULL_IMAGE: Steps = (
    *_BEGIN,
    validate,
    *_BEFORE_PLAN,
)
# Nothing is installed: that is what a deploy is for.
_BEGIN_START: Steps = (
    check_files_to_start,
    connect_all,
    lock_and_gather_facts,
    need_head,
)
_START: Steps = (
    leave_out_maintenance,
    leave_out_bare_hosts,
    validate,
    need_running_head,
    resolve,
    plan,
    start_only_stopped,
    reach_started,
    install_and_start,
    *_PROVE,
)
START: Steps = (*_BEGIN_START, *_START)
MAINTENANCE_OFF: Steps = (*_BEGIN_START, end_maintenance, *_START)
# All that can fail comes before the stop, so that the cluster keeps running if it does.
RESTART: Steps = (
    *_BEGIN,
    leave_out_bare_hosts,
    validate,
    need_running_head,
    agree_to_restart,
    *_BEFORE_PLAN,
    resolve,
    plan,
    need_current_head,
    restart_all,
    reach_started,
    install_ahead,
    stop,
    note_stopped,
    install_and_start,
    *_PROVE,
)
# The cluster is locked, and nothing is changed yet.
LOCKED_FACTS: Steps = (
    connect_all,
    lock_and_gather_facts,
)
HOLD: Steps = (
    *LOCKED_FACTS,
    need_head,
)
# Another host becomes the head: the old nodes stop, and can be started again as they were.
LEAVE: Steps = (
    *_BEGIN,
    leave_out_bare_hosts,
    validate,
    need_running_head,
    *_BEFORE_PLAN,
    resolve,
    plan,
    restart_all,
)
# What comes before the batches of a rolling restart; the head is left alone.
ROLLING: Steps = (
    *_BEGIN,
    leave_out_bare_hosts,
    validate,
    need_running_head,
    agree_to_drain,
    *_BEFORE_PLAN,
    resolve,
    plan,
    need_current_head,
    restart_all,
    install_ahead,
)
_SWITCH: Steps = (agree_to_switch, switch, after_join, stop_failed)
# All that is new is on all hosts, and was imported there, before the question.
UPGRADE: Steps = (
    *_BEGIN,
    need_all,
    need_running,
    validate,
    read_kept,
    need_way_back,
    *_BEFORE_PLAN,
    resolve,
    plan,
    need_all,
    choose_all,
    fetch_and_try,
    *_SWITCH,
)
ROLLBACK: Steps = (
    check_files_to_start,
    connect_all,
    lock_and_gather_facts,
    need_head,
    leave_out_maintenance,
    need_all,
    read_kept,
    choose_previous,
    *_SWITCH,
)
STOP: Steps = (
    connect_all,
    lock_and_gather_facts,
    note_missing_head,
    agree_to_stop,
    stop,
)
_REMOVE: Steps = (
    connect_all,
    lock_and_gather_facts,
    note_missing_head,
    agree_to_drain,
    drain_first,
)
REMOVE: Steps = (
    *_REMOVE,
    destroy,
)
REMOVE_KEEPING_FILES: Steps = (
    *_REMOVE,
    stop,
)
DRAIN: Steps = (
    connect_all,
    lock_and_gather_facts,
    need_head,
    refuse_maintenance,
    leave_out_stopped,
    need_drain,
    agree_to_drain,
    hold_and_drain,
    stop,
)
# Also without a head: then nothing is drained.
MAINTENANCE_ON: Steps = (
    connect_all,
    lock_and_gather_facts,
    note_missing_head,
    agree_to_drain,
    hold_for_maintenance,
    stop,
)
DESTROY: Steps = (
    connect_all,
    lock_and_gather_facts,
    note_missing_head,
    agree_to_destroy,
    destroy,
)
TEST_HEAD: Steps = (
    connect_all,
    lock_and_gather_facts,
    need_head,
    agree_to_kill,
    kill_gcs_and_head,
)
FACTS: Steps = (
    connect_all,
    gather_facts,
)
# What can be known of a cluster whose nodes do not run yet.
EXAMINE: Steps = (
    *FACTS,
    need_head,
    validate,
)
STATUS: Steps = (
    *FACTS,
    read_status,
)
# All that a deploy finds before its first change; always a dry run.
CHECK: Steps = in_dry_run(
    (
        check_files,
        *FACTS,
        show_hosts,
        leave_out_maintenance,
        validate,
        announce,
        *_BEFORE_PLAN,
        resolve,
        plan,
        reach_all,
        say_ready,
    )
)
REACH: Steps = (connect_chosen,)
