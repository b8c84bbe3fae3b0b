"""Draws how a deploy flows, and what goes over which port: `python docs/pictures/diagrams.py`.

Ports come from the hosts file's defaults. Each language has its own: deploy.svg and deploy.zh.svg, ports.svg and
ports.zh.svg.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from tasks.inventory.model import HostsFile  # noqa: E402

FONT = "-apple-system,'Segoe UI','Noto Sans','PingFang SC','Microsoft YaHei','WenQuanYi Micro Hei',sans-serif"
INK, SOFT, LINE, BLUE, GREEN, PAPER = "#1f2430", "#5b6273", "#9aa3b5", "#3f51b5", "#2e7d32", "#ffffff"
# The worker ports that Ray itself starts with on the host's network.
WORKERS = (10002, 19999)


class Picture:
    """An SVG that grows by boxes, arrows and text; everything in pixels."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
            f' font-family="{FONT}" font-size="14">',
            f"<title>{escape(title)}</title>",
            '<defs><marker id="a" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"'
            f' orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="{SOFT}"/></marker></defs>',
            f'<rect width="{width}" height="{height}" rx="10" fill="{PAPER}"/>',
        ]

    def text(self, x: float, y: float, text: str, *, at="start", size=14, bold=False, colour=INK) -> None:
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{x}" y="{y}" text-anchor="{at}" font-size="{size}"{weight} fill="{colour}">'
            f"{escape(text)}</text>"
        )

    def box(self, x: int, y: int, w: int, h: int, title: str, lines=(), colour=BLUE) -> None:
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="8" fill="{colour}" fill-opacity="0.07"'
            f' stroke="{colour}" stroke-width="1.5"/>'
        )
        self.text(x + 14, y + 26, title, size=15, bold=True, colour=colour)
        for number, line in enumerate(lines):
            self.text(x + 14, y + 50 + 21 * number, line, size=13)

    def arrow(self, x1, y1, x2, y2, *, both=False, dashed=False) -> None:
        start = ' marker-start="url(#a)"' if both else ""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{SOFT}" stroke-width="1.5"'
            f'{start} marker-end="url(#a)"{dash}/>'
        )

    def write(self, path: Path) -> None:
        path.write_text("\n".join([*self.parts, "</svg>", ""]), "utf-8")
        print(path)


STEPS = {
    "en": [
        ("Read", "hosts.yml: every mistake at once"),
        ("Connect", "one SSH connection to each host, all in parallel"),
        ("Lock, facts", "one read-only script on each host"),
        ("Validate", "all problems of all hosts, before any change"),
        ("Docker, images", "only where they are missing"),
        ("Resolve", "one set of versions for the cluster, as a lock"),
        ("Plan", "what differs, and which running work would end; you are asked"),
        ("Install", "on all hosts in parallel; every file checked by SHA-256"),
        ("Start", "the head; its address goes to the workers"),
        ("Verify", "Ray's own node table, and a task on every node"),
    ],
    "zh": [
        ("读取", "hosts.yml：一次列出所有错误"),
        ("连接", "每台主机一个 SSH 连接，并行建立"),
        ("加锁、采集", "每台主机一个只读脚本"),
        ("检查", "改动之前列出所有主机的所有问题"),
        ("Docker、镜像", "只在缺少时安装、拉取"),
        ("解析版本", "整个集群一套版本，写成锁"),
        ("计划", "有哪些差异、会结束哪些作业；先征求确认"),
        ("安装", "所有主机并行；每个文件按 SHA-256 校验"),
        ("启动", "先 head，再把它的地址交给 worker"),
        ("验证", "Ray 自己的节点表，并在每个节点上运行一个任务"),
    ],
}
DEPLOY = {
    "en": ("How a deploy flows", "changes nothing", "changes hosts", "fab plan and a dry run end here"),
    "zh": ("部署流程", "不做改动", "改动主机", "fab plan 和 dry run 到此为止"),
}


def deploy(language: str, path: Path) -> None:
    """The steps from top to bottom, with the line up to which nothing is changed."""
    title, looks, changes, ends = DEPLOY[language]
    steps = STEPS[language]
    top, row = 64, 46
    picture = Picture(760, top + row * len(steps) + 20, title)
    picture.text(24, 36, title, size=18, bold=True)
    for number, (name, what) in enumerate(steps):
        y = top + row * number
        colour = GREEN if name in ("Docker, images", "Docker、镜像") or number > 6 else BLUE
        picture.parts.append(
            f'<rect x="24" y="{y}" width="712" height="34" rx="6" fill="{colour}" fill-opacity="0.08"/>'
            f'<circle cx="46" cy="{y + 17}" r="12" fill="{colour}"/>'
        )
        picture.text(46, y + 22, str(number + 1), at="middle", size=13, bold=True, colour=PAPER)
        picture.text(70, y + 22, name, bold=True)
        picture.text(200, y + 22, what, size=13, colour=SOFT)
        if number == 6:
            picture.parts.append(
                f'<line x1="24" y1="{y + 40}" x2="736" y2="{y + 40}" stroke="{SOFT}" stroke-dasharray="5 4"/>'
            )
            picture.text(728, y + 22, ends, at="end", size=11, colour=BLUE)
    for place, (colour, what) in enumerate(((BLUE, looks), (GREEN, changes))):
        picture.parts.append(f'<circle cx="{500 + 130 * place}" cy="31" r="6" fill="{colour}"/>')
        picture.text(512 + 130 * place, 36, what, size=13, colour=SOFT)
    picture.write(path)


PORTS = {
    "en": {
        "title": "What goes over which port",
        "you": "Your machine",
        "you_lines": ("./fab", "connects, installs, asks"),
        "head": "Head",
        "worker": "Each worker",
        "gcs": "GCS: nodes, actors, jobs",
        "client": "Ray Client",
        "dashboard": "dashboard, on 127.0.0.1 only",
        "metrics": "metrics of the head",
        "node": "node and object manager",
        "agents": "agents, metrics",
        "processes": "worker processes",
        "seed": "seed, only during a deploy",
        "ssh": "SSH (22), to every host",
        "join": "joins, reports",
        "between": "objects, tasks: between all hosts",
        "tunnel": "dashboard: through SSH",
    },
    "zh": {
        "title": "各端口的用途",
        "you": "你的机器",
        "you_lines": ("./fab", "连接、安装、查询"),
        "head": "Head",
        "worker": "每台 worker",
        "gcs": "GCS：节点、actor、作业",
        "client": "Ray Client",
        "dashboard": "Dashboard，只监听 127.0.0.1",
        "metrics": "head 的监控指标",
        "node": "节点管理、对象传输",
        "agents": "各 agent、监控指标",
        "processes": "worker 进程",
        "seed": "seed，只在部署期间",
        "ssh": "SSH（22），到每台主机",
        "join": "加入、上报",
        "between": "对象、任务：所有主机之间",
        "tunnel": "Dashboard：经过 SSH",
    },
}


def ports(language: str, path: Path) -> None:
    """Your machine on the left, the head and a worker on the right, and the ports that each listens on."""
    say = PORTS[language]
    ray = HostsFile.model_validate({"head": {"host": "h"}}).ray
    p = ray.ports
    both = [
        f"{p.node_manager}, {p.object_manager}   {say['node']}",
        f"{p.dashboard_agent_grpc}-{p.dashboard_agent_listen}   {say['agents']}",
        f"{WORKERS[0]}-{WORKERS[1]}   {say['processes']}",
        f"{WORKERS[1]}   {say['seed']}",
    ]
    head = [
        f"{ray.port}   {say['gcs']}",
        f"{p.client}   {say['client']}",
        f"{ray.dashboard_port}   {say['dashboard']}",
        f"{p.autoscaler_metric}, {p.dashboard_metric}   {say['metrics']}",
    ]
    picture = Picture(860, 480, say["title"])
    picture.text(24, 36, say["title"], size=18, bold=True)
    picture.box(24, 190, 190, 96, say["you"], say["you_lines"])
    picture.box(500, 60, 336, 224, say["head"], [*head, *both], GREEN)
    picture.box(500, 336, 336, 128, say["worker"], both, GREEN)
    picture.arrow(214, 214, 494, 120)
    picture.arrow(214, 262, 494, 400)
    picture.text(232, 136, say["ssh"], size=13, colour=SOFT)
    picture.arrow(214, 232, 494, 160, dashed=True)
    picture.text(322, 240, say["tunnel"], size=13, colour=SOFT)
    picture.arrow(540, 334, 540, 288)
    picture.text(574, 306, f"{ray.port}: {say['join']}", size=13, colour=SOFT)
    picture.arrow(558, 288, 558, 334, both=True)
    picture.text(574, 326, say["between"], size=13, colour=SOFT)
    picture.write(path)


if __name__ == "__main__":
    for language, ending in (("en", ".svg"), ("zh", ".zh.svg")):
        deploy(language, HERE / f"deploy{ending}")
        ports(language, HERE / f"ports{ending}")
