"""Why commands cannot run as root on a host, told apart by sudo's own words."""

from __future__ import annotations

import re

from tasks.node.facts import Facts

_GIVE = "sudo_password in the hosts file"
# sudo's words, and those of sudo-rs -> what is wrong, and how to fix it
_WORDS = (
    (
        r"not in the sudoers|may not run sudo|not allowed to (?:run|execute)|afraid I can't do that",
        "{user} may not use sudo",
        "as root: put {user} into the group sudo (Red Hat, SUSE, Arch: wheel)",
    ),
    (
        r"must have a tty",
        "sudo wants a terminal (requiretty)",
        "as root: echo 'Defaults:{user} !requiretty' > /etc/sudoers.d/rayfab",
    ),
    (
        r"[Aa]ccount.*expired|account validation failure",
        "sudo refuses the account of {user}: {words}",
        "as root: chage -l {user}",
    ),
    (
        r"[Ss]orry, try again|incorrect (?:password|authentication)|no password was provided|Authentication failed",
        "sudo rejects the password of {whose}",
        _GIVE,
    ),
    (
        r"a password is required|authentication is required",
        "{user} may not use sudo without a password",
        _GIVE,
    ),
)
_PROMPT = re.compile(r"password of (\S*): ?")
_RESOLVE = re.compile(r"unable to resolve host (\S+?)(?::|$)")


def refusal(facts: Facts) -> tuple[str, str] | None:
    """Why nothing can run as root, and how to fix it; None if it can, or if the host has no sudo."""
    if facts.can_root or facts.sudo is None:
        return None
    asked = _PROMPT.search(facts.sudo_says)
    whose = asked[1] if asked else facts.user
    said = _PROMPT.sub("", facts.sudo_says)
    lines = [line.strip() for line in said.splitlines() if line.strip() and not _RESOLVE.search(line)]
    words = lines[-1].removeprefix("sudo: ") if lines else "no reason given"
    for pattern, message, hint in _WORDS:
        if re.search(pattern, said):
            if whose != facts.user and "{whose}" in message:
                hint = f"sudo wants the password of {whose} here (targetpw): {_GIVE}"
            values = {"user": facts.user, "whose": whose, "words": words}
            return message.format(**values), hint.format(**values)
    if facts.sudo == "needs-password":
        return f"{facts.user} may not use sudo without a password", _GIVE
    return f"sudo refuses {facts.user}: {words}", "try on that host: sudo -k true"


def unresolved(facts: Facts) -> str:
    """The host's own name, if sudo cannot resolve it and so may wait for name servers at each command; or ''."""
    found = _RESOLVE.search(facts.sudo_says)
    return found[1] if found else ""
