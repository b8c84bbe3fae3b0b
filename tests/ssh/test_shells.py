"""Users with other login shells, and with start-up files that talk."""

import shutil

import pytest

from tasks.inventory.secret import Secret
from tasks.ssh import connect
from tests.ssh import sshd

PASSWORD = "pass word"
SHELLS = {
    "bash": ("bash", ".bashrc"),
    "zsh": ("zsh", ".zshenv"),
    "fish": ("fish", ".config/fish/config.fish"),
    "dash": ("dash", ".profile"),
    "tcsh": ("tcsh", ".tcshrc"),
    "busybox": ("busybox", ".profile"),
}


@pytest.fixture(scope="module", params=SHELLS)
def user(request, tmp_path_factory):
    name, startup = SHELLS[request.param]
    if shutil.which(name) is None:
        sshd.install(name)
    shell = shutil.which(name)
    if name == "busybox":
        # a login shell is called without arguments, so busybox must be called `sh`
        directory = tmp_path_factory.mktemp("bin", numbered=True)
        shell = f"/usr/local/bin/rf-{directory.name}-sh"
        shutil.rmtree(directory)
        sshd.Path(shell).write_text('#!/bin/sh\nexec busybox sh "$@"\n')
        sshd.Path(shell).chmod(0o755)
    with sshd.temporary_user("rfshell", PASSWORD, shell) as home:
        path = home / startup
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "echo 'Welcome, rf mark end 0'\necho 'no newline at the end' >&2\nprintf '%s' 'last words '\n"
        )
        shutil.chown(path, "rfshell")
        yield home
    if name == "busybox":
        sshd.Path(shell).unlink()


@pytest.fixture
def connection(server, settings, user):
    with connect(server.target(user="rfshell", password=Secret(PASSWORD)), settings) as opened:
        yield opened


def test_a_script_runs_in_sh_and_is_heard(connection):
    script = (
        'x=$(printf %s "a  b"); echo "$RF_MARK kv x $x"; echo "$RF_MARK kv pw $PW"; echo "$RF_MARK end 0"'
    )
    answer = connection.ask(script, secrets={"PW": Secret("$HOME 'q' \\ !! 中")}, timeout=30)
    assert answer.ok, answer
    assert answer.values == {"x": "a  b", "pw": "$HOME 'q' \\ !! 中"}
    assert connection.execs == 1


def test_a_file_is_carried(connection, user):
    path = 'a dir/it\'s $(id) `x` !! 中文 \\ "q" *'
    connection.carry(b"\0\xff\n" * 5000, path, mode=0o640)
    place = user / path
    assert place.read_bytes() == b"\0\xff\n" * 5000
    assert place.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in place.parent.iterdir()] == [place.name]
