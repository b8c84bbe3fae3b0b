import pytest

from tasks.inventory.selection import SelectionError, expand, find, items, select, select_one

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
        ("127.0.0.1:2202", ["vm2"]),
        ("alice@10.0.0.1", ["boss"]),
        ("[fe80::1]:22", ["six"]),
        ("node1.lab.", ["Node1.lab"]),
    ],
)
def test_an_expression_selects_hosts(lab, expression, names):
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
        ("127.0.0.1:22", None, "--limit 127.0.0.1:22: no such host in {path}; did you mean 127.0.0.1?"),
        ("a b", None, "--limit a b: no such host in {path}"),
        (" , ", None, "--limit is empty; name hosts, such as 10.0.0.2,node*"),
    ],
)
def test_what_means_no_host_is_an_error(lab, expression, failed, message):
    with pytest.raises(SelectionError) as caught:
        select(lab, expression, failed)
    assert str(caught.value) == message.format(path=lab.path)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (["a,b", "c"], ["a", "b", "c"]),
        (["n[1-3,7],b", "b"], ["n[1-3,7]", "b", "b"]),
        ("a, ,c", ["a", "c"]),
        ([], []),
    ],
)
def test_a_comma_inside_a_range_separates_nothing(typed, found):
    assert items(typed) == found


def test_a_range_is_expanded_and_an_error_names_the_option():
    assert expand("n[1-3,7]") == ["n1", "n2", "n3", "n7"]
    assert expand("n1") == ["n1"]
    with pytest.raises(SelectionError, match=r"^--name n\[2-1\]: the range \[2-1\] runs backwards$"):
        expand("n[2-1]", flag="--name")


class TestOneHost:
    @pytest.mark.parametrize(
        ("expression", "name"), [("boss", "boss"), ("vm1", "vm1"), ("127.0.0.1:2201", "vm1"), ("b*", "boss")]
    )
    def test_an_expression_for_one_host_selects_it(self, lab, expression, name):
        assert select_one(lab, expression).name == name

    def test_several_are_refused_with_their_names(self, lab):
        with pytest.raises(SelectionError) as caught:
            select_one(lab, "vm*")
        assert (str(caught.value), caught.value.hint) == (
            "--host vm* means 2 hosts: vm1, vm2",
            "use the name of one",
        )
        with pytest.raises(SelectionError, match=r"means 10 hosts: 10.0.0.10, .*, 10.0.0.13, \.\.\.$"):
            select_one(lab, "10.0.0.[10-19]")


class TestHostThatMayBeNew:
    @pytest.mark.parametrize(
        ("item", "port", "name"),
        [
            ("BOSS", None, "boss"),
            ("10.0.0.12", None, "10.0.0.12"),
            ("root@10.0.0.12", 22, "10.0.0.12"),
            ("10.0.0.12:2222", None, None),
            ("10.0.0.12", 2222, "10.0.0.12"),
            ("127.0.0.1", 2202, "vm2"),
            ("127.0.0.1:2201", 2202, "vm1"),
            ("new.lab", None, None),
        ],
    )
    def test_a_host_is_found_by_name_or_address_and_port(self, lab, item, port, name):
        found = find(lab.hosts, item, port)
        assert (found and found.name) == name

    def test_what_cannot_be_a_host_is_refused(self, lab):
        with pytest.raises(SelectionError, match=r"^--host vm\*: a host name cannot contain '\*'$"):
            find(lab.hosts, "vm*")
        with pytest.raises(SelectionError, match=r"^--host 127.0.0.1 means 2 hosts: vm1, vm2$"):
            find(lab.hosts, "127.0.0.1")


def test_a_name_wins_over_the_address_of_another_port(cluster):
    lab = cluster("head: 10.0.0.1\nworkers: [{host: 10.0.0.1, port: 2222, name: second}]\n")
    assert find(lab.hosts, "10.0.0.1") == lab.head
    assert [host.name for host in select(lab, "10.0.0.1")] == ["10.0.0.1", "second"]
