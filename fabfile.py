"""The namespace of `fab`: it collects the tasks and does nothing else."""

from invoke import Collection

from tasks import access, bundle, check, cluster, dev, images, lab, logs, workers
from tasks.commandline.program import adopt

adopt()

ns = Collection(
    cluster.deploy_cluster,
    cluster.plan,
    cluster.status_task,
    cluster.start,
    cluster.stop,
    cluster.restart,
    cluster.destroy,
    workers.add_worker,
    workers.remove_worker,
    images.pull_image,
    bundle.bundle,
    logs.logs,
    check.check,
    check.init,
    access.exec_,
    access.ssh,
    access.dashboard,
    access.submit,
    lab.lab_up,
    lab.lab_down,
    dev.test,
)
