"""Groups of a hosts file: what they name, what is wrong with them, and a host that leaves."""

import pytest

from tasks.inventory import InventoryError, load
from tasks.inventory.edit import EditError, remove_worker
from tasks.inventory.selection import SelectionError, needs_states, select

EXPECTED = "expected hosts such as node[01-04], several as a list or with commas"
FAILED = "names the hosts that failed in the last run; choose another name"
A_NAME = "expected a name of letters, digits, '_', '.' or '-' that starts with a letter"
NO_LABEL = "no host of this file has this label; did you mean label:zone=b?"
HOSTS = """\
head: boss
workers:
  - {host: "a100-[01-04]", labels: {zone: a}}
  - {host: "node[1-3]", labels: {zone: b, fast: ""}}
"""
GROUPS = """\
groups:
  gpu: a100-[01-04]
  old: [node2, "a100-[01-02]"]
  mixed:
    - "@gpu"
    - "!@old"
    - node3
  cpu: "!@GPU, !boss"
  zone-b: label:zone=b&!node1
  none: []
  later:
"""


@pytest.fixture
def lab(cluster):
    return cluster(HOSTS + GROUPS)


def test_a_group_is_the_names_of_its_hosts_in_the_order_of_the_file(lab):
    assert lab.groups == {
        "gpu": ("a100-01", "a100-02", "a100-03", "a100-04"),
        "old": ("a100-01", "a100-02", "node2"),
        "mixed": ("a100-03", "a100-04", "node3"),
        "cpu": ("node1", "node2", "node3"),
        "zone-b": ("node2", "node3"),
        "none": (),
        "later": (),
    }


STATES = {
    "boss": {"alive", "running"},
    "a100-01": {"down", "zombie"},
    "a100-03": {"down", "stopped"},
    "node3": {"alive", "flapping"},
}


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("@old", "a100-01 a100-02 node2"),
        ("@OLD,!a100-[01-02]", "node2"),
        ("!@gpu", "boss node1 node2 node3"),
        ("!@gpu,!boss,!node1", "node2 node3"),
        ("label:zone=a", "a100-01 a100-02 a100-03 a100-04"),
        ("label:fast", "node1 node2 node3"),
        ("label:fast=,!node[1-2]", "node3"),
        ("state:down", "a100-01 a100-03"),
        ("state:ZOMBIE,node1", "a100-01 node1"),
        ("@gpu&state:down,!a100-03", "a100-01"),
        ("@gpu & !state:down & !@old", "a100-04"),
        ("boss,state:maintenance", "boss"),
        ("boss,!@failed", "boss"),
        ("@gpu,label:zone=b,state:down,!node1", "a100-01 a100-02 a100-03 a100-04 node2 node3"),
    ],
)
def test_an_expression_with_groups_labels_and_states(lab, expression, names):
    found = select(lab, expression, failed=set(), states=STATES)
    assert [host.name for host in found] == names.split()


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("@gpus", "--limit @gpus: unknown group; did you mean @gpu?"),
        ("!@gpus", "--limit @gpus: unknown group; did you mean @gpu?"),
        ("@none", "--limit @none: no host is in this group"),
        ("@failed", "--limit @failed: no host failed in the last run"),
        ("state:unreachable", "--limit state:unreachable: no host is in this state"),
        ("node1,!node*", "--limit node1,!node*: no host is left"),
        ("@gpu&@zone-b", "--limit @gpu&@zone-b: no host is left"),
        (
            "label:zone=c",
            "--limit label:zone=c: no host of {path} has this label; did you mean label:zone=b?",
        ),
        ("label:zome", "--limit label:zome: no host of {path} has this label; did you mean label:zone?"),
        ("state:dwn", "--limit state:dwn: there is no such state; did you mean down?"),
        ("!node9", "--limit node9: no such host in {path}; did you mean node3?"),
        ("node1&", "--limit : no such host in {path}"),
    ],
)
def test_what_means_nothing_is_an_error(lab, expression, message):
    with pytest.raises(SelectionError) as caught:
        select(lab, expression, failed=set(), states=STATES)
    assert str(caught.value) == message.format(path=lab.path)


def test_states_are_asked_for_only_where_an_item_needs_them(lab, cluster):
    assert needs_states(lab, "boss,@gpu & !state:down")
    assert not needs_states(lab, "@gpu,label:state=x,!node1")
    with pytest.raises(
        SelectionError, match=r"^--host state:dwn: there is no such state; did you mean down\?$"
    ):
        needs_states(lab, "state:dwn", flag="--host")
    with pytest.raises(SelectionError, match="the states of the hosts are not known here"):
        select(lab, "state:down")
    named = cluster("head: {host: a, name: 'state:down'}")
    assert not needs_states(named, "state:down")
    assert select(named, "state:down") == (named.head,)


class TestMistakes:
    @pytest.mark.parametrize(
        ("groups", "messages"),
        [
            ("{x: node9}", ["groups.x: node9: no such host in this file; did you mean node3?"]),
            ('{x: [node1, "@y"]}', ["groups.x[1]: @y: unknown group"]),
            (
                '{a: "@b", b: ["@c"], c: "@a, node1"}',
                ["groups.c: @a: a group cannot contain itself (a > b > c > a)"],
            ),
            ("{x: label:zone=q}", [f"groups.x: label:zone=q: {NO_LABEL}"]),
            ("{x: state:down}", ["groups.x: state:down: this changes from run to run; it is for --limit only"]),
            ('{x: "!@failed"}', ["groups.x: !@failed: this changes from run to run; it is for --limit only"]),
            ("{x: node1, X: node2}", ["groups.X: x and X are the same to --limit; rename one"]),
            ("{x: [7]}", [f"groups.x: {EXPECTED}, got a list"]),
            ("{x: {y: z}}", [f"groups.x: {EXPECTED}, got a mapping"]),
            ("{failed: node1}", [f"groups.failed: @failed {FAILED}"]),
            ("{'a b': node1}", [f"groups[a b]: {A_NAME}, got a b"]),
            ("{x: 'n[2-1]'}", ["groups.x: n[2-1]: the range [2-1] runs backwards"]),
        ],
    )  # fmt: skip
    def test_each_is_named_with_its_place(self, hosts_file, groups, messages):
        path = hosts_file(f"{HOSTS}groups: {groups}\n")
        with pytest.raises(InventoryError) as caught:
            load(path)
        assert [f"{problem.where}: {problem.message}" for problem in caught.value.problems] == messages
        assert {problem.line for problem in caught.value.problems} == {5}


class TestHostThatLeaves:
    @pytest.mark.parametrize(
        ("groups", "gone", "left"),
        [
            ("{x: [node1, node2], y: node1}", "node1", "{x: [node2], y: []}"),
            ("{x: 'node[1-3]'}", "node2", "{x: 'node[1,3]'}"),
            ('{x: ["a100-[01-04]", boss]}', "a100-03", '{x: ["a100-[01-02,04]", boss]}'),
            ("{x: node*}", "node2", "{x: node*}"),
            ("{x: ['!node1', boss], y: 'boss, !node1&label:fast, @x'}", "node1", "{x: [boss], y: 'boss,@x'}"),
            ("{x: 'label:zone=b&!node2'}", "node2", "{x: 'label:zone=b'}"),
            ("{x: 'node2&label:fast'}", "node2", "{x: []}"),
            ("\n  x:\n    - node1 # one\n    # two\n    - node2\n  y:\n  - node1\n", "node1",
             "\n  x:\n    # two\n    - node2\n  y:\n"),
            ("\n  x: node1,node2  # old\n", "node1", "\n  x: node2  # old\n"),
            ("\n  x:\n    - node[1-3]\n", "node1", "\n  x:\n    - node[2-3]\n"),
        ],
    )  # fmt: skip
    def test_it_leaves_its_groups_too(self, hosts_file, groups, gone, left):
        path = hosts_file(f"groups: {groups}\n{HOSTS}")
        before = load(path).groups
        remove_worker(path, gone)
        assert path.read_text().partition("\nhead:")[0] == f"groups: {left}"
        assert load(path).groups == {
            key: tuple(n for n in names if n != gone) for key, names in before.items()
        }

    def test_a_group_that_cannot_be_edited_is_named_and_the_file_stays(self, hosts_file):
        path = hosts_file(f"{HOSTS}groups:\n  x: &all [node1, node2]\n  y: *all\n")
        before = path.read_text()
        with pytest.raises(EditError, match="remove node1 from workers: by hand"):
            remove_worker(path, "node1")
        assert path.read_text() == before
