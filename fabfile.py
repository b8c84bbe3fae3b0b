"""The namespace of `fab`: this project's tasks, and the user's own ones beside them."""

from invoke import Collection

from tasks import (
    about,
    access,
    backup,
    bundle,
    check,
    cluster,
    completion_task,
    dev,
    disk,
    doctor,
    files,
    head,
    history,
    images,
    jobs,
    lab,
    logs,
    maintenance,
    metrics,
    upgrades,
    workers,
)
from tasks.commandline import own_tasks
from tasks.commandline.program import adopt
from tasks.environment.home import user_folder
from tasks.per_host import Executor

adopt(Executor)

ns = Collection(
    cluster.deploy_cluster,
    cluster.plan,
    cluster.status_task,
    cluster.start,
    cluster.stop,
    cluster.restart,
    cluster.destroy,
    head.test_head,
    workers.add_worker,
    workers.remove_worker,
    maintenance.drain,
    maintenance.maintenance,
    upgrades.upgrade,
    upgrades.rollback,
    images.pull_image,
    bundle.bundle,
    backup.move_head,
    backup.backup,
    backup.restore,
    logs.logs,
    logs.collect,
    history.history,
    disk.disk,
    disk.clean,
    doctor.doctor,
    metrics.alerts,
    metrics.metrics,
    check.check,
    check.init,
    files.sync,
    access.exec_,
    access.ssh,
    access.dashboard,
    jobs.submit,
    jobs.jobs,
    completion_task.completion,
    about.version_task,
    lab.lab_up,
    lab.lab_status,
    lab.lab_down,
    dev.docs,
    dev.test,
)
own_tasks.add_to(ns, user_folder())
