"""Why nothing can run as root, by the words of sudo and of sudo-rs; and how as_root hands its input on."""

from __future__ import annotations

import subprocess

import pytest

from tasks.node import sudo
from tasks.script.files import text
from tests.script import samples
from tests.script.shells import SHELLS, stand_in

GIVE = "sudo_password in the hosts file"
WORDS = {
    "password of alice: \nSorry, try again.\nsudo: no password was provided": (
        "sudo rejects the password of alice",
        GIVE,
    ),
    "password of alice: sudo: 1 incorrect password attempt": ("sudo rejects the password of alice", GIVE),
    "password of root: Sorry, try again.": (
        "sudo rejects the password of root",
        f"sudo wants the password of root here (targetpw): {GIVE}",
    ),
    "alice is not in the sudoers file.": (
        "alice may not use sudo",
        "as root: put alice into the group sudo (Red Hat, SUSE, Arch: wheel)",
    ),
    "Sorry, user alice may not run sudo on n1.": (
        "alice may not use sudo",
        "as root: put alice into the group sudo (Red Hat, SUSE, Arch: wheel)",
    ),
    "sudo: sorry, you must have a tty to run sudo": (
        "sudo wants a terminal (requiretty)",
        "as root: echo 'Defaults:alice !requiretty' > /etc/sudoers.d/rayfab",
    ),
    'sudo: Account expired or PAM config lacks an "account" section for sudo, contact your system administrator': (
        'sudo refuses the account of alice: Account expired or PAM config lacks an "account" section for sudo, '
        "contact your system administrator",
        "as root: chage -l alice",
    ),
    "sudo: unable to resolve host nowhere: Name or service not known\nsudo: /etc/sudo.conf is world writable": (
        "sudo refuses alice: /etc/sudo.conf is world writable",
        "try on that host: sudo -k true",
    ),
    "": ("sudo refuses alice: no reason given", "try on that host: sudo -k true"),
}


def facts(**more):
    return samples.facts(**{"uid": 1000, "user": "alice", "sudo": "refused", **more})


@pytest.mark.parametrize("words", WORDS)
def test_each_refusal_has_its_own_words_and_way_out(words):
    assert sudo.refusal(facts(sudo_says=words)) == WORDS[words]


def test_no_password_was_given():
    found = sudo.refusal(facts(sudo="needs-password", sudo_says="sudo: a password is required"))
    assert found == ("alice may not use sudo without a password", GIVE)
    assert sudo.refusal(facts(sudo=None)) is None
    assert sudo.refusal(facts(sudo="password", sudo_says="password of alice: ")) is None


def test_a_name_that_sudo_cannot_resolve():
    says = "sudo: unable to resolve host nowhere: Temporary failure in name resolution"
    assert sudo.unresolved(facts(sudo="nopasswd", sudo_says=says)) == "nowhere"
    assert sudo.unresolved(facts(sudo="nopasswd")) == ""


# asks for the password only where the file says so, as for a command that sudoers excepts
SUDO = """
if [ "$1 $2" = "-k -n" ]; then shift 2; else
    if [ -e asks ]; then IFS= read -r word; [ "$word" = "it's \\$(secret)" ] || exit 1; fi
    shift 4
fi
exec "$@"
"""


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize("given", [True, False])
def test_a_command_as_root_reads_what_it_is_handed_and_never_the_password(tmp_path, shell, asks, given):
    stand_in(tmp_path / "bin", "sudo", SUDO)
    stand_in(tmp_path / "bin", "id", "echo 1000")
    if asks:
        (tmp_path / "asks").touch()
    password = "RF_SUDO='it'\\''s $(secret)'\n" if given else ""
    script = (
        f"CLUSTER=lab\n{password}{text('sh', 'lib')}\n"
        + """
printf 'one\\ntwo\\n' | as_root_in cat
printf 'three\\n' | as_root cat
printf 'four\\nfive\\n' | while read -r line; do as_root echo "got $line"; done
as_root sh -c 'exit 7'
echo "status $?"
"""
    )
    environment = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path)}
    command = [*({"busybox": ["busybox", "sh"]}.get(shell, [shell])), "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "one\ntwo\ngot four\ngot five\nstatus 7\n", done.stderr
