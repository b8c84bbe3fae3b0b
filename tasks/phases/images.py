"""Get images: on Docker hosts the image is there before anything is decided, since it holds the versions."""

from __future__ import annotations

from tasks.plan.subject import Subject
from tasks.render.install import image_script
from tasks.report.console import Board

from .facts import in_image
from .run import Node, Run, Stop

title = "Get images"
TIMEOUT = 3600.0


def _unknown(subject: Subject, node: Node) -> bool:
    return subject.host.runtime == "docker" and node.image_versions is None


def run(run: Run) -> None:
    if run.dry_run:
        return

    def one(node: Node, board: Board) -> None:
        script = image_script(node.host, run.cluster.name, sudo=node.sudo)
        answer = run.ask(node, script, board, timeout=TIMEOUT)
        node.image_versions = in_image(answer)
        image = answer.texts.get("image", [""])[0].split()[0]
        node.facts = node.subject.with_image(image).facts
        if answer.values.get("changed") == "1":
            node.did.append("pulled the image")

    run.each(title, [n for n in run.chosen if _unknown(n.subject, n)], one)
    if run.head.failure is not None:
        raise Stop("the head has no image, so nothing was started", run.head.failure.hint)
