"""submit, jobs."""

from __future__ import annotations

from tasks.commandline import options


@options.task(
    iterable=["env", "label"],
    help={
        **options.COMMON,
        "command": "the entry point as one string, instead of after --",
        "working_dir": "folder that goes along and in which the job starts (default: see above)",
        "no_wait": "don't wait for the job to finish",
        "cpus": "CPUs for the entry point itself, such as 2 or 0.5; its tasks and actors ask for their own",
        "gpus": "GPUs for the entry point itself, such as 1 or 0.5",
        "memory": "memory for the entry point itself, such as 4gb",
        "label": "the entry point runs on a node with this label, KEY=VALUE; repeatable",
        "env": "KEY=VALUE: a variable of the job; KEY alone: with the value that it has here; repeatable",
    },
)
def submit(
    c,
    command=None,
    hosts_file=None,
    working_dir=None,
    no_wait=False,
    cpus=None,
    gpus=None,
    memory=None,
    label=None,
    env=None,
    debug=False,
):
    """
    Run a job on the cluster and show its output.

    The current folder goes along where the command names a file, a folder or a module in it. A lost
    connection is made again; Ctrl-C asks whether the job goes on.
      fab submit -- python job.py
      fab submit --gpus 1 --env TOKEN -- python -m pkg.main
    """
    from pathlib import Path

    from tasks.actions import cli, consent, job_flags
    from tasks.commandline import Mistake
    from tasks.commandline.behind import program_and_arguments
    from tasks.phases import operation
    from tasks.phases.submit import Asked
    from tasks.phases.submit import submit as submit_job
    from tasks.text.quoting import printed

    arguments = program_and_arguments(command, "submit", "python job.py")
    folder = Path(working_dir).expanduser().absolute() if working_dir else None
    if folder and not folder.is_dir():
        raise Mistake(f"--working-dir: there is no folder {folder}", "name one of this machine")
    needs = job_flags.needs(cpus=cpus, gpus=gpus, memory=memory, labels=label)
    asked = Asked(arguments, folder, needs, job_flags.variables(env))
    run = cli.new_run(hosts_file, f"submit {printed(*arguments)}", head_only=True, debug=debug)
    ends = consent.job_ends if consent.can_ask() else None
    cli.finish(run, (*operation.FACTS, submit_job(asked, wait=not no_wait, ends=ends)))


@options.task(
    positional=["what", "job"],
    help={
        **options.COMMON,
        "what": "logs: show the log of a job; stop: end one; without it: list them",
        "job": "its id",
        "follow": "with logs: until the job ends; the exit status is the job's",
        "all": "list all of them, not only the newest 20",
        "json": "list them as machine-readable JSON on stdout, and nothing else",
        "yes": options.YES,
    },
)
def jobs(
    c, what=None, job=None, hosts_file=None, follow=False, all=False, json=False, yes=False, debug=False
):
    """
    List jobs of this and earlier sessions; show or stop one.

    The head keeps a journal of them, which outlives Ray. LOST: the head restarted without its
    state before the job had ended.
      fab jobs logs raysubmit_a1 --follow
      fab jobs stop raysubmit_a1
    """
    from invoke import Exit

    from tasks.actions import job_flags
    from tasks.actions import jobs as action

    job_flags.check_words(what, job, {"--follow": follow, "--all": all, "--json": json, "--yes": yes})
    if what == "stop":
        action.stop(hosts_file, job, yes=yes, debug=debug)
        return
    if what == "logs":
        code = action.logs(hosts_file, job, follow=follow, debug=debug)
    else:
        code = action.listed(hosts_file, everything=all, json_=json, debug=debug)
    if code:
        raise Exit(code=code)
