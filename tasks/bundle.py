"""bundle."""

from __future__ import annotations

from tasks.commandline import options


@options.task(
    iterable=["image"],
    help={
        **options.COMMON,
        "output": "the file to write",
        "platform": "platforms of hosts to include, comma-separated (linux-64, linux-aarch64, osx-arm64, osx-64, "
        "win-64); default: the platforms of the hosts",
        "operator": "platforms of the machines that will deploy from it, comma-separated; default: this one's",
        "image": "a file of docker save, for hosts with Docker; repeatable",
        "check": "say what is in this bundle, and whether it is whole; write nothing",
        "upgrade": options.UPGRADE,
    },
)
def bundle(
    c,
    output=None,
    hosts_file=None,
    platform=None,
    operator=None,
    image=None,
    check=None,
    upgrade=False,
    debug=False,
):
    """
    Collect what a site without Internet needs into one file.

    It holds Python, every package, the installers and uv for the hosts, and this program with its own packages for the
    machine that deploys, each file with its SHA-256. There, tar -xf FILE rayfab unpacks this program, and
    ./fab deploy-cluster --bundle ../FILE in its folder needs nothing else.
    """
    from tasks.actions import bundles

    if check is not None:
        bundles.check(check)
    else:
        bundles.make(output, hosts_file, platform, operator, image, upgrade=upgrade, debug=debug)
