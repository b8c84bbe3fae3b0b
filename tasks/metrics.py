"""metrics, alerts."""

from __future__ import annotations

from tasks.commandline import options

FILE = "{} as a .tar.gz of its makers, with its sum: FILE@sha256:SUM"


@options.task(
    positional=["what"],
    help={
        **options.COMMON,
        "what": "up: start Prometheus, and Grafana where it is given; down: remove both; status: what is read",
        "prometheus": FILE.format("for up: Prometheus")
        + " (default: that of the host, else Debian's package)",
        "grafana": FILE.format("for up: Grafana") + " (default: that of the host)",
        "here": "on this machine instead of the head, for a head that is not Linux or must not be burdened",
        "json": "for status: print machine-readable JSON on stdout, and nothing else",
    },
)
def metrics(c, what, prometheus=None, grafana=None, here=False, hosts_file=None, json=False, debug=False):
    """
    Run Prometheus and Grafana for Ray's metrics, on the head.

    Both listen on 127.0.0.1 of the head alone; fab dashboard opens a tunnel to Grafana, too.
    With --here both run on this machine, which must reach the metrics port of every host.
    """
    from invoke import Exit

    from tasks.actions import metrics
    from tasks.commandline import Mistake
    from tasks.text.wording import shown

    if what not in ("up", "down", "status"):
        raise Mistake(f"metrics is up, down or status, got {shown(what)}", "fab metrics up")
    for flag, value, only in (
        ("prometheus", prometheus, "up"),
        ("grafana", grafana, "up"),
        ("json", json, "status"),
    ):
        if value and what != only:
            raise Mistake(f"--{flag} is for metrics {only}", f"fab metrics {what}")
    if what == "up":
        metrics.up(hosts_file, prometheus, grafana, here, debug)
    elif what == "down":
        metrics.down(hosts_file, here, debug)
    elif code := metrics.status(hosts_file, json, here, debug):
        raise Exit(code=code)


@options.task(
    help={
        **options.COMMON,
        "json": "print machine-readable JSON on stdout, and nothing else",
        "webhook": "post what fires as JSON to the address in a variable of the environment: env:NAME",
    }
)
def alerts(c, hosts_file=None, json=False, webhook=None, debug=False):
    """
    Say what is wrong now; exit status 1 if an alert fires.

    It needs no Prometheus: it asks once what the rules of metrics up watch. A line of cron is enough:
      */10 * * * * fab alerts --webhook env:FAB_WEBHOOK
    """
    from invoke import Exit

    from tasks.actions import alerts

    if code := alerts.once(hosts_file, webhook, json, debug):
        raise Exit(code=code)
