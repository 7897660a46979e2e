"""The verdict on a reading that is not in InfluxDB: why it is missing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.campaigns.chaos.trial import TRIAL
from tests.campaigns.rig.linked import Account
from tests.campaigns.rig.summary import summary
from tests.campaigns.rig.verdict import Evidence, Key, Verdict, judge, keys_of

ALL = frozenset(("m1", seq) for seq in range(10))
FIRST = ("m1", 0)
VERIFIED = {"missing": 0, "different": 0, "duplicate": 0, "accepted": 0}
GREEN = Evidence(
    acknowledged=ALL,
    delivered=ALL,
    confirmed=ALL,
    standing=ALL,
    verified=VERIFIED,
    expired=0,
    looks=50,
    fewest_looks=10,
    broker_killed=False,
    drops_oldest=False,
    seen=(),
)
GONE = replace(GREEN, standing=ALL - {FIRST}, verified=VERIFIED | {"missing": 1})


def without(keys: frozenset[Key], *gone: Key) -> frozenset[Key]:
    """These but for some."""
    return keys - set(gone)


def test_when_all_stand_nobody_is_at_fault() -> None:
    found = judge(GREEN)
    assert (found.lost_by_gateway, found.lost_by_broker, found.altered, found.faults) == (0, 0, 0, [])


@pytest.mark.parametrize("broker_killed", [pytest.param(True, id="broker-killed"), pytest.param(False, id="broker-up")])
def test_what_the_gateway_confirmed_is_the_gateway_s_to_keep(*, broker_killed: bool) -> None:
    found = judge(replace(GONE, broker_killed=broker_killed))
    assert (found.lost_by_gateway, found.lost_by_broker) == (1, 0)
    assert found.faults == ["1 readings lost by the gateway: m1 seq 0"]


def test_what_it_confirmed_counts_even_when_its_device_never_heard_of_it() -> None:
    found = judge(replace(GONE, acknowledged=without(ALL, FIRST), verified=VERIFIED))
    assert found.lost_by_gateway == 1


@pytest.mark.parametrize("delivered", [ALL, without(ALL, FIRST)], ids=["handed-over", "not-handed-over"])
def test_what_it_did_not_confirm_is_lost_by_a_broker_that_was_killed(delivered: frozenset[Key]) -> None:
    unconfirmed = replace(GONE, confirmed=without(ALL, FIRST), delivered=delivered)
    killed = judge(replace(unconfirmed, broker_killed=True))
    assert (killed.lost_by_gateway, killed.lost_by_broker, killed.faults) == (0, 1, [])
    alive = judge(unconfirmed)
    assert (alive.lost_by_gateway, alive.lost_by_broker) == (1, 0)
    assert alive.faults


@pytest.mark.parametrize("how", ["different", "duplicate", "accepted"])
def test_what_stands_otherwise_than_sent_is_altered(how: str) -> None:
    found = judge(replace(GREEN, verified=VERIFIED | {how: 2}))
    assert found.altered == 2
    assert found.faults


def test_what_stands_at_another_time_is_altered() -> None:
    found = judge(replace(GREEN, verified=VERIFIED | {"missing": 3}))
    assert (found.lost_by_gateway, found.altered) == (0, 3)
    assert "3 of them at another time" in found.faults[0]


@pytest.mark.parametrize(("expired", "is_green"), [(1, True), (0, False), (2, False)])
def test_where_the_oldest_are_given_up_the_gateway_says_exactly_how_many(expired: int, is_green: bool) -> None:  # noqa: FBT001
    found = judge(replace(GONE, drops_oldest=True, expired=expired))
    assert found.lost_by_gateway == 0
    assert (not found.faults) is is_green


def test_elsewhere_nothing_is_given_up() -> None:
    assert judge(replace(GREEN, expired=1)).faults == ["1 expired, 0 not there"]


def test_what_was_never_handed_over_was_not_given_up() -> None:
    found = judge(replace(GONE, drops_oldest=True, delivered=without(ALL, FIRST), confirmed=without(ALL, FIRST)))
    assert found.lost_by_gateway == 1


def test_a_count_that_firmware_sim_does_not_share_is_a_fault() -> None:
    assert judge(replace(GONE, verified=VERIFIED, broker_killed=True, confirmed=frozenset())).faults


def test_what_was_seen_on_the_way_and_too_few_looks_are_faults() -> None:
    assert judge(replace(GREEN, seen=("the gateway ended by itself",))).faults == ["the gateway ended by itself"]
    assert judge(replace(GREEN, looks=9)).faults == ["its ledger was seen 9 times only"]


def test_the_readings_of_a_message_are_told_by_device_and_number() -> None:
    topic = "iot/v1/xa-01/water/sim-7-water-meter-0001/readings"
    assert keys_of(topic, b'{"seq": 4, "ph": 7}') == [("sim-7-water-meter-0001", 4)]
    assert keys_of(topic, b'[{"seq": 4}, {"seq": 5}]') == [("sim-7-water-meter-0001", n) for n in (4, 5)]


def ledger(**changes: object) -> dict[str, object]:
    """A ledger that balances, but for the changes."""
    pending = {"memory": 1, "journal": 2, "quarantine": 0}
    counts = {"received": 10, "written": 7, "duplicate": 0, "rejected": 0, "expired": 0, "lost": 0}
    return {"since": 1, **counts, "pending": pending, "imbalance": 0, **changes}


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(ledger(imbalance=1), id="it-says-so-itself"),
        pytest.param(ledger(received=11), id="sum"),
        pytest.param(ledger(pending={"memory": 4, "journal": -1, "quarantine": 0}), id="owed-twice"),
        pytest.param(ledger(lost=1, written=6), id="lost"),
        pytest.param(ledger(rejected=1, written=6), id="rejected"),
    ],
)
def test_a_ledger_that_must_not_be_is_noted(wrong: dict[str, object]) -> None:
    account = Account()
    account.note(ledger())
    assert account.faults == []
    account.note(wrong)
    assert len(account.faults) == 1


def test_what_expired_is_counted_over_all_starts() -> None:
    account = Account()
    for since, expired in [(1, 2), (1, 3), (2, 0), (2, 4)]:
        account.note(ledger(since=since, expired=expired, written=7 - expired))
    assert (account.total("expired"), account.looks) == (7, 4)


def verdict(number: int, *faults: str) -> Verdict:
    """Of a schedule of 100 readings."""
    return Verdict(number, "plain", ["  1.0 s  gateway killed for 1.0 s"], readings=100, lost_by_broker=7, faults=list(faults))


def test_a_verdict_survives_being_written_down() -> None:
    for each in (verdict(1), verdict(2, "lost")):
        assert Verdict.from_json(each.as_json()) == each
    assert json.loads(verdict(1).as_json())["ok"] is True


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        pytest.param([verdict(1), verdict(2)], "2 of 2 schedules of 20 s are green\n", id="green"),
        pytest.param([verdict(1), verdict(2, "x\ny")], "schedule 2 FAILED: x\n1 of 2", id="red"),
    ],
)
def test_the_summary_tells_what_came_of_all(verdicts: list[Verdict], said: str) -> None:
    text = summary(TRIAL, verdicts, 20.0, Path("folder"))
    assert said in text
    assert "     200  readings the broker acknowledged\n" in text
    assert "      14  lost by Mosquitto, killed before it had saved\n" in text
    assert ("folder" in text) is (len(verdicts) != sum(each.is_green for each in verdicts))
