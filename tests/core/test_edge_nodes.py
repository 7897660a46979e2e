"""Messages of Sparkplug edge nodes on their way through the core: states, waiting, births that outlive the process."""

from gateway.core.edge_nodes import BIRTH, BIRTH_PATIENCE_MS
from gateway.core.message import Outcome, WaitCause
from gateway.core.process import Processor
from schemas.rejects import IgnoreCause, RejectReason
from tests.core.making import NOW_MS, points
from tests.core.profiled import pipeline, sent
from tests.core.sparkplug_payloads import FLOAT, LONG, M, payload

SPARKPLUG = """
match: {topic: "spBv1.0/{group}/{verb}/{node}/{device}", when: {verb: [DBIRTH, DDATA]}}
decode: sparkplug_b
device: {join: [{topic: group}, {topic: node}, {topic: device}], by: "."}
points: [{measurement: power, each: {of: /metrics, by: name, value: value, time: timestamp}, map: {V: {field: voltage_l1_v}}}]
"""
BIRTH_OF_NODE = M("bdSeq", 1, LONG, kind="Int64")
VOLTAGE = M("V", 229.5, FLOAT, alias=4, kind="Float")
BY_ALIAS = M(None, 230.5, FLOAT, alias=4)


def hear(into: Processor, verb: str, *metrics: M, seq: int | None = None, replayed: bool = False) -> Outcome:
    """Process a message of the node ``n``, or of its device ``m1`` for a verb with D."""
    on = f"spBv1.0/g/{verb}/n" + ("/m1" if verb.startswith("D") else "")
    return into.process(sent(payload(*metrics, seq=seq, time_ms=NOW_MS + (seq or 0)), on), NOW_MS, replayed=replayed)


def born() -> Processor:
    """A pipeline that has heard the births of the node and its device."""
    into = pipeline(SPARKPLUG)
    hear(into, "NBIRTH", BIRTH_OF_NODE, seq=0)
    hear(into, "DBIRTH", VOLTAGE, seq=1)
    return into


def test_births_and_deaths_move_the_state_of_the_devices() -> None:
    into = pipeline(SPARKPLUG)
    assert hear(into, "NBIRTH", BIRTH_OF_NODE, seq=0).ignored is IgnoreCause.NOT_DATA
    data = hear(into, "DBIRTH", VOLTAGE, seq=1)
    assert (points(data)[0].tags["device"], points(data)[0].values) == ("g.n.m1", {"voltage_l1_v": 229.5})
    assert into.streams.devices["g.n.m1"].online
    assert hear(into, "NDEATH", BIRTH_OF_NODE).ignored is IgnoreCause.STATUS
    assert into.streams.devices["g.n.m1"].online is False


def test_data_by_a_known_alias_are_points_and_have_no_side_effects() -> None:
    outcome = hear(born(), "DDATA", BY_ALIAS, seq=2)
    assert points(outcome)[0].values == {"voltage_l1_v": 230.5}
    assert outcome.side_effects is None


def test_data_before_the_birth_wait_and_ask_for_it() -> None:
    into = pipeline(SPARKPLUG)
    outcome = hear(into, "DDATA", BY_ALIAS, seq=3)
    assert outcome.side_effects is not None
    (waits,) = outcome.side_effects.waiting
    assert (waits.key, waits.cause, waits.expires_ms) == ("g/n/m1", WaitCause.NO_BIRTH, NOW_MS + BIRTH_PATIENCE_MS)
    assert (waits.device, waits.domain) == ("g.n.m1", "unknown")
    assert [topic for topic, _ in outcome.side_effects.publish] == ["spBv1.0/g/NCMD/n"]
    birth = hear(into, "DBIRTH", VOLTAGE, seq=4)
    assert birth.side_effects is not None
    assert (birth.side_effects.released, birth.side_effects.waiting) == (["g/n/m1"], [])
    again = hear(into, "DDATA", BY_ALIAS, seq=3, replayed=True)
    assert points(again)[0].values == {"voltage_l1_v": 230.5}


def test_births_are_kept_at_once_and_are_in_force_after_a_restart() -> None:
    into = pipeline(SPARKPLUG)
    node, device = hear(into, "NBIRTH", BIRTH_OF_NODE, seq=0).side_effects, hear(into, "DBIRTH", VOLTAGE, seq=1).side_effects
    assert node is not None
    assert device is not None
    kept = {name: text for name, text in (node.keep | device.keep).items() if text is not None}
    assert kept.keys() == {f"{BIRTH}g/n", f"{BIRTH}g/n/m1"}
    restarted = pipeline(SPARKPLUG)
    assert restarted.edge_nodes.restore_births({**kept, f"{BIRTH}g/x/m2": "{}"}) == [f"{BIRTH}g/x/m2"]
    assert points(hear(restarted, "DDATA", BY_ALIAS, seq=7))[0].values == {"voltage_l1_v": 230.5}
    gone = hear(restarted, "NDEATH", BIRTH_OF_NODE).side_effects
    assert gone is not None
    assert gone.keep == dict.fromkeys(kept)


def test_messages_of_a_node_that_never_arrived_are_counted() -> None:
    into = born()
    hear(into, "DDATA", BY_ALIAS, seq=5)
    assert into.evaluator.sequence_missing == {"unknown": 3}


def test_what_is_no_payload_of_sparkplug_is_refused_under_the_name_of_its_device() -> None:
    outcome = born().process(sent(b"\xff\xff", "spBv1.0/g/DDATA/n/m1"), NOW_MS)
    (refused,) = outcome.refusals
    assert (refused.reason, refused.device, refused.stage) == (RejectReason.BAD_PAYLOAD, "g.n.m1", "decode")
