"""Bindings that lead to a gateway's queue on RabbitMQ, against the topic filters that the gateway subscribed to."""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.core.gateways.sharing import routing_key


class BindingDifferences(NamedTuple):
    """The differences between live bindings and wanted ones.

    :ivar missing: wanted topic filters without a binding.
    :ivar strange: routing keys that nobody subscribed to.
    """

    missing: list[str]
    strange: list[str]


def queue_of(client_id: str) -> str:
    """The name of the queue that a client's session is, for what it subscribed to at QoS 1."""
    return f"mqtt-subscription-{client_id}qos1"


def compare(filters: Iterable[str], states: Iterable[str], live: Iterable[str]) -> BindingDifferences:
    """Compare.

    :param filters: of readings; one of them that is missing loses readings.
    :param states: topics of states, which the filters take too: none of them is missed.
    :param live: routing keys that lead to the queue.
    """
    wanted, there = {routing_key(pattern): pattern for pattern in filters}, set(live)
    known = {*wanted, *map(routing_key, states), routing_key(BROKER_DROPPED)}
    return BindingDifferences([wanted[key] for key in wanted if key not in there], sorted(there - known))
