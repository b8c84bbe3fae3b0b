"""How a host in the hosts file is reached."""

from __future__ import annotations

from tasks.inventory import Host
from tasks.ssh import Target
from tasks.ssh.target import Password

_HOSTS_FILE: object = object()


def target_of(
    host: Host, password: Password | object = _HOSTS_FILE, sudo_password: Password | object = _HOSTS_FILE
) -> Target:
    """A host as :func:`tasks.ssh.connection_to` takes it.

    :param password: the password, if it is known already; otherwise it is fetched when the host asks for it.
    :param sudo_password: the same for sudo.
    """
    return Target(
        name=host.name,
        host=host.host,
        user=host.user,
        port=host.port,
        key=host.key,
        jump=host.jump,
        host_keys=host.host_keys,
        password=host.password if password is _HOSTS_FILE else password,
        sudo_password=host.sudo_password if sudo_password is _HOSTS_FILE else sudo_password,
        local=host.connection == "local",
        openssh=host.connection == "openssh",
        connect_timeout=host.connect_timeout,
    )
