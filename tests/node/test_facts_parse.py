"""What systems that are not here answer, read by parse_facts."""

import pytest

from tasks.node.interfaces import Address
from tasks.runtimes.facts import parse_facts
from tests.script import samples

IP = """\
1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
1: lo    inet6 ::1/128 scope host \\       valid_lft forever
2: eth0    inet 10.0.0.5/24 brd 10.0.0.255 scope global dynamic eth0\\       valid_lft 80000sec
2: eth0    inet6 2001:db8::5/64 scope global dynamic\\       valid_lft 80000sec
2: eth0    inet6 fe80::216:3eff:fe00:1/64 scope link \\       valid_lft forever
3: docker0    inet 172.17.0.1/16 brd 172.17.255.255 scope global docker0\\       valid_lft forever
4: wg0    inet 10.9.0.2 peer 10.9.0.1/32 scope global wg0\\       valid_lft forever
7: eth1@if8    inet 192.168.7.5/16 scope global eth1\\       valid_lft forever
"""
MACOS = """\
lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384
\tinet 127.0.0.1 netmask 0xff000000
\tinet6 ::1 prefixlen 128
en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tether aa:bb:cc:dd:ee:ff
\tinet6 fe80::1c%en0 prefixlen 64 secured scopeid 0x6
\tinet 192.168.1.20 netmask 0xffffff00 broadcast 192.168.1.255
"""
BUSYBOX = """\
eth0      Link encap:Ethernet  HWaddr 02:42:AC:11:00:02
          inet addr:172.30.0.2  Bcast:172.30.255.255  Mask:255.255.0.0
lo        Link encap:Local Loopback
          inet addr:127.0.0.1  Mask:255.0.0.0
"""
ROUTE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0100000A\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
"""


def parse(values=None, of=None, **texts):
    all_values = {k: v if isinstance(v, list) else [v] for k, v in (values or {}).items()}
    return parse_facts(of or samples.host(), all_values, {k: v.splitlines() for k, v in texts.items()})


def test_a_host_that_says_nothing():
    facts = parse()
    assert (facts.system, facts.arch, facts.uid, facts.clock, facts.cpus) == ("", "", -1, None, None)
    assert facts.state is None and facts.addresses == () and facts.disk_free == {}
    assert not facts.root and not facts.can_root and not facts.active


def test_what_a_system_calls_itself():
    said = {"os_ID": "rocky", "os_ID_LIKE": '"rhel centos fedora"', "os_PRETTY_NAME": "'Rocky Linux 9.4'"}
    facts = parse(said)
    assert facts.os_id == "rocky"
    assert facts.os_release == {
        "ID": "rocky",
        "ID_LIKE": "rhel centos fedora",
        "PRETTY_NAME": "Rocky Linux 9.4",
    }


class TestAddresses:
    def test_the_output_of_ip_is_parsed(self):
        found = parse(ip_addr=IP).addresses
        assert [(a.interface, a.ip, a.prefix) for a in found] == [
            ("lo", "127.0.0.1", 8),
            ("lo", "::1", 128),
            ("eth0", "10.0.0.5", 24),
            ("eth0", "2001:db8::5", 64),
            ("docker0", "172.17.0.1", 16),
            ("wg0", "10.9.0.2", 32),
            ("eth1", "192.168.7.5", 16),
        ]
        assert [a.interface for a in found if a.virtual] == ["docker0"]
        assert str(found[2].network) == "10.0.0.0/24" and str(found[3].network) == "2001:db8::/64"

    def test_ifconfig_of_macos(self):
        found = parse(ifconfig=MACOS).addresses
        assert found == (Address("lo0", "127.0.0.1", 8), Address("en0", "192.168.1.20", 24))

    def test_ifconfig_of_busybox(self):
        found = parse(ifconfig=BUSYBOX).addresses
        assert found == (Address("eth0", "172.30.0.2", 16), Address("lo", "127.0.0.1", 8))

    def test_addresses_are_read_from_the_kernel_without_programs(self):
        assert parse(fib="10.0.0.5\n127.0.0.1\n").addresses[0] == Address("", "10.0.0.5", 32)

    def test_the_default_route_with_the_lowest_metric(self):
        assert parse(route=ROUTE).default_interface == "eth0"
        assert parse(route=ROUTE.splitlines()[0]).default_interface is None
        assert parse(route_default="   route to: default\n  interface: en0\n").default_interface == "en0"


@pytest.mark.parametrize(
    ("uname", "system", "arch"),
    [
        ("Linux 6.1.0 x86_64", "Linux", "x86_64"),
        ("Linux 6.1.0 arm64", "Linux", "aarch64"),
        ("Darwin 24.0.0 arm64", "Darwin", "arm64"),
        ("Darwin 24.0.0 x86_64", "Darwin", "x86_64"),
        ("FreeBSD 14.1 amd64", "FreeBSD", "amd64"),
        ("Windows 10.0.20348.0 AMD64", "Windows", "x86_64"),
        ("Windows 10.0.26100.0 ARM64", "Windows", "aarch64"),
    ],
)
def test_system_and_architecture_are_parsed(uname, system, arch):
    facts = parse({"uname": uname})
    assert (facts.system, facts.arch) == (system, arch)


def test_memory_and_cpus_are_parsed():
    assert parse({"mem_MemTotal:": "16384"}).memory == 16 << 20
    assert parse({"mem_bytes": "17179869184", "cpus": "8"}).memory == 16 << 30
    assert parse({"mem_bytes": "", "cpus": "?"}).cpus is None


def test_free_disk_space_is_parsed():
    df = """\
Filesystem     1024-blocks     Used Available Capacity Mounted on
/dev/sda1         10000000  9000000   1000000      90% /
tmpfs              4000000        0   4000000       0% /dev/shm
df: /nowhere: No such file or directory
"""
    assert parse(df=df).disk_free == {"/": 1000000 << 10, "/dev/shm": 4000000 << 10}


def test_pythons_once_each_and_only_full_versions():
    said = [
        "Python 3.12.1 /usr/bin/python3.12",
        "Python 3.12.1 /usr/bin/python3.12",
        "Python 3.13.0rc2+ /opt/my python/bin/python3",
        "Python 2.7 /usr/bin/python2",
        "xcode-select: note: no developer tools /usr/bin/python3",
    ]
    assert parse({"python": said}).own.pythons == (
        ("3.12.1", "/usr/bin/python3.12"),
        ("3.13.0", "/opt/my python/bin/python3"),
    )


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '"x"', "{'hash': 1}"])
def test_a_broken_state_is_no_state(text):
    assert parse({"state": text}).state is None


def test_the_saved_state_is_parsed():
    assert parse({"state": '{"hash": "1"}'}).state == {"hash": "1"}


class TestUser:
    def test_name_and_number(self):
        facts = parse({"id": "uid=1000(alice) gid=1000(alice) groups=1000(alice)"})
        assert (facts.user, facts.uid, facts.root) == ("alice", 1000, False)

    def test_a_number_without_a_name(self):
        facts = parse({"id": "uid=1000 gid=1000"})
        assert (facts.user, facts.uid) == ("", 1000)

    @pytest.mark.parametrize(
        ("sudo", "can"),
        [("nopasswd", True), ("password", True), ("needs-password", False), ("refused", False)],
    )
    def test_root_by_sudo(self, sudo, can):
        assert parse({"id": "uid=1(a)", "sudo": sudo}).can_root is can


class TestListeners:
    def test_the_ports_of_linux_are_parsed(self):
        assert parse({"ports": "0016 18EB 2 "}).ports == {22, 6379, 2}

    def test_the_ports_of_macos_are_parsed(self):
        assert parse(netstat="*.22\n127.0.0.1.6379\n::1.8265\n*.*\n").ports == {22, 6379, 8265}


class TestRayProcesses:
    def test_the_processes_of_linux_are_parsed(self):
        said = [
            "12 /root/.rayfab/lab/envs/e/core/raylet 0::/system.slice/rayfab-lab.service,",
            "13  0::/docker/0123,",
            "14 /home/my user/.rayfab/lab/envs/e/gcs_server 12:cpu:/x y,0::/,",
            "15 /opt/raylet ",
            "nonsense",
        ]
        found = parse({"ray_process": said}).ray_processes
        assert [(p.pid, p.exe, p.cgroup) for p in found] == [
            (12, "/root/.rayfab/lab/envs/e/core/raylet", "0::/system.slice/rayfab-lab.service,"),
            (13, "", "0::/docker/0123,"),
            (14, "/home/my user/.rayfab/lab/envs/e/gcs_server", "12:cpu:/x y,0::/,"),
            (15, "/opt/raylet", ""),
        ]

    def test_the_processes_of_macos_are_parsed(self):
        found = parse(ray_ps="  501 /opt/x/raylet\n").ray_processes
        assert [(p.pid, p.exe) for p in found] == [(501, "/opt/x/raylet")]


def test_the_facts_of_docker_are_parsed():
    facts = parse(
        {"docker": "28.0.1", "docker_problem": "podman"},
        samples.host(text=samples.DOCKER),
        image="sha256:abc linux/amd64",
        container="0123456789ab rayproject/ray",
    )
    assert (facts.own.version, facts.own.problem) == ("28.0.1", "podman")
    assert (facts.own.image, facts.own.image_platform) == ("sha256:abc", "linux/amd64")
    assert facts.own.container == "0123456789ab"


def test_the_address_of_the_ssh_server_is_parsed():
    assert parse({"ssh_connection": "10.0.0.9 50000 10.0.0.1 22"}).ssh_server_ip == "10.0.0.1"
    assert parse({"ssh_connection": ""}).ssh_server_ip is None
