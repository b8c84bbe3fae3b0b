"""Kinds of hosts as strangers have them: each is prepared like a real one, and `fab lab-up --as KIND` boots them.

What a kind changes in a running host, such as a mount or a firewall, ends with a reboot of that host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.testbed import keys, network
from tasks.testbed.engine import LabError, command, docker
from tasks.testbed.host import LabHost
from tasks.text.quoting import posix

Hosts = Sequence[LabHost]
PASSWORD = "lab password"
CODES = tuple(f"{number}" for number in range(10_000_001, 10_000_010))  # each can be used once
SECRET = "JBSWY3DPEHPK3PXP"


@dataclass(frozen=True)
class Kind:
    """One kind of hosts.

    :param what: a short description.
    :param prepare: changes booted hosts, the head first.
    :param volumes: what all hosts share, ``NAME:/path``.
    :param apart: the workers are in a network of their own.
    :param ssh: keys of ``ssh:`` in the hosts file.
    """

    what: str
    prepare: Callable[[Hosts], None]
    volumes: tuple[str, ...] = ()
    apart: bool = False
    ssh: Mapping[str, Any] = field(default_factory=dict)


def inside(host: LabHost, *argv: str) -> None:
    """Runs a program of this machine in a host's network: a host may lack the program.

    :raises LabError: it failed.
    """
    pid = docker("inspect", "--format", "{{.State.Pid}}", host.name)
    done = command(["nsenter", "--target", pid, "--net", *argv])
    if done.returncode != 0:
        raise LabError(f"{host.name}: {' '.join(argv)}: {done.stderr.strip()}")


def close(host: LabHost, target: Sequence[str] = ("DROP",), *, ports: str = "") -> None:
    """A firewall: answers of established connections and new ones to SSH come in, nothing else.

    :param target: what happens to the rest: ``("DROP",)``, ``("REJECT", "--reject-with", "tcp-reset")``.
    :param ports: only these are closed, such as ``10002:20005``.
    """
    if ports:
        inside(host, "iptables", "-A", "INPUT", "-p", "tcp", "--dport", ports, "-j", *target)
        return
    inside(host, "iptables", "-A", "INPUT", "-i", "lo", "-j", "ACCEPT")
    inside(
        host, "iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT"
    )
    inside(host, "iptables", "-A", "INPUT", "-p", "tcp", "--dport", str(host.port), "-j", "ACCEPT")
    inside(host, "iptables", "-A", "INPUT", "-p", "tcp", "-j", *target)


def behind_nat(head: LabHost, worker: LabHost) -> None:
    """Connections go out from the worker to the head, and none come in; the worker is in another network."""
    network.allow(worker.name, worker.address, head.address)


def shared_home(hosts: Hosts) -> None:
    """A user whose home is one folder for all hosts; the number of the user is the same on all."""
    for host in hosts:
        host.must("id alice 2>/dev/null || useradd --uid 2001 --shell /bin/bash --no-create-home alice")
        host.write_file("/etc/sudoers.d/alice", "alice ALL=(ALL) NOPASSWD:ALL\n", 0o440)
    line = keys.public(keys.login_key())
    hosts[0].must(
        "install -d -m 755 -o alice -g alice /home/alice && install -d -m 700 -o alice -g alice /home/alice/.ssh"
    )
    hosts[0].write_file("/home/alice/.ssh/authorized_keys", line, 0o600)
    hosts[0].must("chown alice:alice /home/alice/.ssh/authorized_keys")


def mounted(path: str, options: str, *, full: int = 0) -> Callable[[Hosts], None]:
    """A folder in memory.

    :param options: of mount, such as ``size=300m,noexec``. :param full: so many MB of it are used.
    """

    def prepare(hosts: Hosts) -> None:
        for host in hosts:
            host.must(f"mount -t tmpfs -o mode=1777,{options} tmpfs {path}")
            if full:
                host.must(f"head -c {full * 1_000_000} /dev/zero >{path}/somebody-s-file")

    return prepare


def other_users_ray(hosts: Hosts) -> None:
    """Somebody has run Ray there before, and its folder is theirs."""
    for host in hosts:
        host.must("id mallory 2>/dev/null || useradd --create-home mallory")
        host.must(
            "mkdir -p /tmp/ray && chown mallory /tmp/ray && chmod 777 /tmp/ray &&"
            " echo 10.0.0.1:6379 >/tmp/ray/ray_current_cluster && chmod 644 /tmp/ray/ray_current_cluster &&"
            " chown mallory /tmp/ray/ray_current_cluster"
        )


def nologin_root(hosts: Hosts) -> None:
    """A cloud image's root: its key runs one command alone, which names the user that may log in: debian."""
    words = "Please login as the user debian rather than the user root."
    line = keys.public(keys.login_key())
    only = f"no-port-forwarding,no-agent-forwarding,command=\"echo '{words}';echo;sleep 2;exit 142\""
    for host in hosts:
        host.add_user("debian", sudo="nopasswd")
        host.write_file("/root/.ssh/authorized_keys", f"{only} {line}", 0o600)


def sshd(extra: str) -> Callable[[Hosts], None]:
    """Hosts whose SSH server has these lines in its configuration."""

    def prepare(hosts: Hosts) -> None:
        for host in hosts:
            host.set_sshd(host.port, extra)

    return prepare


def code(hosts: Hosts) -> None:
    """A one-time code after the key, by the module that Google Authenticator uses; any of CODES is right, once."""
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends"
    settings = "\n".join([SECRET, '" DISALLOW_REUSE', '" TOTP_AUTH', *CODES, ""])
    for host in hosts:
        host.must(f"apt-get update -qq && {install} libpam-google-authenticator")
        host.write_file("/root/.google_authenticator", settings, 0o400)
        host.must(
            "sed -i 's/^@include common-auth/auth required pam_google_authenticator.so/' /etc/pam.d/sshd"
        )
        host.set_sshd(
            host.port,
            # without the first, sshd gives PAM another word than what root has typed
            "PermitRootLogin yes\nUsePAM yes\nKbdInteractiveAuthentication yes\n"
            "AuthenticationMethods publickey,keyboard-interactive",
        )


def slow_link(hosts: Hosts, rate: str = "20mbit") -> None:
    """Nothing leaves a host faster than that."""
    for host in hosts:
        host.must(f"tc qdisc replace dev eth0 root tbf rate {rate} burst 256kb latency 400ms")


def address_on(interface: str, address: str, *, each: bool) -> Callable[[Hosts], None]:
    """One more interface.

    :param address: IPv4 with its prefix. :param each: counted up from host to host; else all have the same.
    """

    def prepare(hosts: Hosts) -> None:
        for number, host in enumerate(hosts):
            ip, _, prefix = address.partition("/")
            first, last = ip.rsplit(".", 1)
            own = f"{first}.{int(last) + (number if each else 0)}/{prefix}"
            far = f"{interface}-far"
            host.must(
                f"ip link add {interface} type veth peer name {far} && ip addr add {own} dev {interface}"
            )
            host.must(f"ip link set {interface} up && ip link set {far} up")

    return prepare


def user(
    name: str, sudo: str = "none", password: str | None = None, then: str = ""
) -> Callable[[Hosts], None]:
    """Hosts with one more user, who takes the lab's key. :param then: a script of root's."""

    def prepare(hosts: Hosts) -> None:
        for host in hosts:
            host.add_user(name, password=password, sudo=sudo)
            if then:
                host.must(then)

    return prepare


def each(script: str) -> Callable[[Hosts], None]:
    """Hosts on which root has run this."""

    def prepare(hosts: Hosts) -> None:
        for host in hosts:
            host.must(script)

    return prepare


def firewalled(hosts: Hosts) -> None:
    """As ufw's default: everything but SSH is dropped, on the workers."""
    for host in hosts[1:]:
        close(host)


def rejecting(hosts: Hosts) -> None:
    """As firewalld's default: everything but SSH is refused, on the workers."""
    for host in hosts[1:]:
        close(host, ("REJECT", "--reject-with", "tcp-reset"))


def nat(hosts: Hosts) -> None:
    for host in hosts[1:]:
        behind_nat(hosts[0], host)


def offline(hosts: Hosts) -> None:
    for host in hosts:
        host.cut_internet(silent=True)


FEW = "printf '%s\\n' 'alice hard nproc 150' 'alice soft nproc 150' >/etc/security/limits.d/few.conf"
CLEANER = "printf '%s\\n' 'q /tmp 1777 root root 1s' >/etc/tmpfiles.d/tmp.conf"
TALKS = "printf '%s\\n' 'echo good morning' 'set -x' >/etc/profile.d/talks.sh; cp /etc/profile.d/talks.sh /root/.bashrc"
DEAD_DNS = (
    "echo 'nameserver 198.51.100.1' >/etc/resolv.conf; echo 'nameserver 198.51.100.1' >/etc/lab/resolv.conf"
)
ALICE, BOB = {"user": "alice"}, {"user": "bob"}
KINDS: dict[str, Kind] = {
    "shared-home": Kind(
        "one home for all hosts, as by NFS; alice has sudo", shared_home, ("home:/home",), ssh=ALICE
    ),
    "firewalled": Kind("the workers drop everything but SSH, as ufw does", firewalled),
    "rejecting": Kind("the workers refuse everything but SSH, as firewalld does", rejecting),
    "nat": Kind("the workers reach the head, which cannot reach them", nat, apart=True),
    "offline": Kind("no Internet; packets to it are dropped without an answer", offline),
    "slow-link": Kind("20 Mbit/s from each host", slow_link),
    "dead-dns": Kind("name servers that do not answer", each(DEAD_DNS)),
    "same-address": Kind(
        "10.0.2.15 on every host, as in VirtualBox", address_on("enp0s3", "10.0.2.15/24", each=False)
    ),
    "vpn": Kind("one more address in a VPN", address_on("tun0", "10.8.0.2/24", each=True)),
    "small-tmp": Kind("/tmp is 300 MB in memory, 98 % full", mounted("/tmp", "size=300m", full=308)),
    "noexec-tmp": Kind("no program may run from /tmp", mounted("/tmp", "size=2g,noexec")),
    "cleaned-tmp": Kind("a cleaner removes what is in /tmp", each(CLEANER)),
    "small-shm": Kind("/dev/shm has 64 MB", mounted("/dev/shm", "size=64m")),
    "other-users-ray": Kind("another user's /tmp/ray", other_users_ray),
    "few-processes": Kind("alice may have 150 processes", user("alice", then=FEW), ssh=ALICE),
    "no-root": Kind("alice has neither sudo nor root", user("alice"), ssh=ALICE),
    "sudo-password": Kind(
        f"sudo of bob takes the password {posix(PASSWORD)}", user("bob", "password", PASSWORD), ssh=BOB
    ),
    "nologin-root": Kind("root's key only says: log in as debian", nologin_root),
    "one-algorithm": Kind(
        "the server offers one cipher and one key exchange",
        sshd("KexAlgorithms curve25519-sha256\nCiphers chacha20-poly1305@openssh.com"),
    ),
    "code": Kind(f"a one-time code after the key: {CODES[0]} to {CODES[-1]}", code),
    "no-forwarding": Kind("the server forbids tunnels, as CIS asks", sshd("AllowTcpForwarding no")),
    "talkative": Kind("start-up files that print", each(TALKS)),
}


def described() -> str:
    """All kinds, a line for each."""
    longest = max(map(len, KINDS))
    return "\n".join(f"{name:<{longest}}  {kind.what}" for name, kind in KINDS.items())
