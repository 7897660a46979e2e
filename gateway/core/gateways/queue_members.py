"""Members of the broker's queues: the nodes of a cluster that a queue stands on, against those that it should. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

MEMBERS_WANTED: Final = 3
"""Members of a queue in a cluster of three nodes or more: it outlives the end of any one of them."""
TOO_FEW_NODES: Final = 2
"""Nodes of a cluster of which each must be up: more than half must."""


class QueueMembers(NamedTuple):
    """The nodes that a queue stands on, by name, and those of them that serve it."""

    name: str
    members: Sequence[str]
    online: Sequence[str]

    @property
    def away(self) -> list[str]:
        """Members that do not serve it."""
        return [node for node in self.members if node not in self.online]

    @property
    def is_served(self) -> bool:
        """Tell if it takes messages: more than half of its members are there."""
        return 2 * len(self.online) > len(self.members)


class ClusterSeen(NamedTuple):
    """Queues, all nodes of the cluster that they stand on, and those that run."""

    queues: Sequence[QueueMembers]
    nodes: Sequence[str]
    running: Sequence[str]

    @property
    def wanted(self) -> int:
        """The number of members that each queue should have."""
        return min(MEMBERS_WANTED, len(self.nodes))

    @property
    def few(self) -> list[QueueMembers]:
        """Queues with fewer members."""
        return [queue for queue in self.queues if len(queue.members) < self.wanted]

    @property
    def away(self) -> list[QueueMembers]:
        """Queues of which a member is away."""
        return [queue for queue in self.queues if queue.away]

    def additions(self) -> Iterator[tuple[str, str]]:
        """The queue and the node of each member that can be added."""
        for queue in self.few:
            others = [node for node in self.running if node not in queue.members]
            for node in others[: self.wanted - len(queue.members)]:
                yield queue.name, node
