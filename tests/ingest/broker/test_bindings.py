"""Live bindings against wanted ones."""

from gateway.ingest.broker.rabbitmq.queues import compare

FILTERS = ("iot/v1/a/+/+/readings", "iot/v1/a/+/+/status", "spBv1.0/g/#")
LIVE = ("iot.v1.a.*.*.readings", "iot.v1.a.*.*.status", "spBv1___0.g.#")


def test_what_a_gateway_subscribed_to_is_neither_missing_nor_strange() -> None:
    also = ("iot.v1.a.water.m1.status", "$SYS.broker.publish.messages.dropped")
    assert compare(FILTERS, ["iot/v1/a/water/m1/status"], [*LIVE, *also]) == ([], [])


def test_a_filter_without_a_binding_is_missing_and_a_state_is_not_since_a_filter_takes_it_too() -> None:
    assert compare(FILTERS, ["iot/v1/a/water/m1/status"], LIVE[1:]) == (["iot/v1/a/+/+/readings"], [])


def test_a_binding_that_nobody_subscribed_to_is_strange_once() -> None:
    assert compare(FILTERS, [], [*LIVE, "iot.v1.b.#", "iot.v1.b.#"]) == ([], ["iot.v1.b.#"])
