"""Queues on a cluster: which lack members, which members are away, and what can be added."""

from gateway.core.gateways.queue_members import TOO_FEW_NODES, ClusterSeen, QueueMembers

NODES = ("a", "b", "c", "d")


def queue(members: str, online: str | None = None, name: str = "readings") -> QueueMembers:
    return QueueMembers(name, list(members), list(members if online is None else online))


def test_a_queue_takes_messages_while_more_than_half_of_its_members_are_there() -> None:
    assert [queue("abc", online).is_served for online in ("abc", "ab", "a", "")] == [True, True, False, False]
    assert not queue("ab", "a").is_served, "half is not enough"
    assert queue("abc", "b").away == ["a", "c"]
    assert queue("abc").away == []


def test_a_queue_wants_three_members_or_as_many_as_there_are_nodes() -> None:
    one, three = queue("a"), queue("abc", "ab", name="whole")
    seen = ClusterSeen([one, three], NODES, NODES)
    assert (seen.wanted, seen.few, seen.away) == (3, [one], [three])
    assert ClusterSeen([queue("a"), queue("ab")], NODES[:2], NODES[:2]).wanted == 2
    assert ClusterSeen([], NODES[:1], ()).wanted == 1
    assert TOO_FEW_NODES == 2, "of two nodes each must be up"


def test_members_are_added_on_nodes_that_run_and_no_more_than_are_wanted() -> None:
    seen = ClusterSeen([queue("a"), queue("ab", name="half"), queue("abc", name="whole")], NODES, ("a", "b", "d"))
    assert list(seen.additions()) == [("readings", "b"), ("readings", "d"), ("half", "d")]
