import pytest

from tasks.inventory.limit import LimitError, select

TEXT = """\
head: {host: 10.0.0.1, name: boss}
workers:
  - 10.0.0.[10-19]
  - {host: "fe80::1", name: six}
  - {host: 127.0.0.1, port: 2201, name: vm1}
  - {host: 127.0.0.1, port: 2202, name: vm2}
  - Node1.lab
"""


@pytest.fixture
def lab(cluster):
    return cluster(TEXT)


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("boss", ["boss"]),
        ("10.0.0.1", ["boss"]),
        ("vm2, boss", ["boss", "vm2"]),
        ("127.0.0.1", ["vm1", "vm2"]),
        ("vm?", ["vm1", "vm2"]),
        ("10.0.0.1*", ["boss", *(f"10.0.0.{n}" for n in range(10, 20))]),
        ("10.0.0.[11-12,15],vm1", ["10.0.0.11", "10.0.0.12", "10.0.0.15", "vm1"]),
        ("NODE1.LAB", ["Node1.lab"]),
        ("[FE80:0::1]", ["six"]),
        ("@failed", ["six"]),
        ("boss,boss,", ["boss"]),
    ],
)
def test_select(lab, expression, names):
    assert [host.name for host in select(lab, expression, failed={"six", "long gone"})] == names


@pytest.mark.parametrize(
    ("expression", "failed", "message"),
    [
        ("vm3", None, "--limit vm3: no such host in {path}; did you mean vm2?"),
        ("boss,x*", None, "--limit x*: no such host in {path}"),
        ("10.0.0.[19-20]", None, "--limit 10.0.0.20: no such host in {path}; did you mean 10.0.0.12?"),
        ("n[2-1]", None, "--limit n[2-1]: the range [2-1] runs backwards"),
        ("@faild", None, "--limit @faild: unknown group; did you mean @failed?"),
        ("@failed", None, "--limit @failed: there is no record of an earlier run"),
        ("@failed", set(), "--limit @failed: no host failed in the last run"),
        (" , ", None, "--limit is empty; name hosts, such as 10.0.0.2,node*"),
    ],
)
def test_what_means_no_host_is_an_error(lab, expression, failed, message):
    with pytest.raises(LimitError) as caught:
        select(lab, expression, failed)
    assert str(caught.value) == message.format(path=lab.path)
