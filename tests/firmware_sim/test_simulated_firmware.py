"""Messages of devices in each scenario, and what the ledger rows promise of them."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.faults import PAYLOAD_FAULTS, VALUE_FAULTS, ValueFault
from firmware_sim.firmware import Firmware
from firmware_sim.fleet import build_fleet
from firmware_sim.ledger import LedgerFile
from firmware_sim.outgoing import OutgoingMessage
from firmware_sim.scenarios.loader import scenario, shipped
from schemas.quantities import QUANTITIES, TEXT_TAGS, Quality
from schemas.scenario import FaultKind, Scenario
from tests.rows import each_row

START_S, START_MS = 1.79e9, 1_790_000_000_000
COUNTS = {"water": 4, "power": 3, "traffic": 4, "urban": 4}
ALL_POISON = Scenario(about="only broken readings", faults={FaultKind.POISON: 1.0})


def messages_of(behaving: Scenario, ticks: int = 40, seed: int = 1) -> list[OutgoingMessage]:
    sent = []
    for device in build_fleet(COUNTS, 1, seed):
        firmware = Firmware(device, behaving, seed)
        for tick in range(ticks):
            sent += firmware.measure(START_S + tick, START_MS + 1000 * tick)
        sent += firmware.flush()
    return sent


def rows_of(message: OutgoingMessage) -> list[dict[str, Any]]:
    return [json.loads(row) for row in message.rows]


def test_a_row_promises_what_the_payload_says() -> None:
    for message in messages_of(scenario("normal")):
        (row,), sent = rows_of(message), json.loads(message.payload)
        assert (row["ts"], row["seq"]) == (sent.pop("ts"), sent.pop("seq"))
        tags = {key: sent.pop(key) for key in TEXT_TAGS if key in sent}
        _, _, site, domain, device, _ = message.topic.split("/")
        assert row["tags"] == tags | {"device": device, "site": site}
        assert row["f"] | row.get("h", {}) == sent
        assert row["f"].keys() <= QUANTITIES[domain].keys()
        assert (row["m"], row["t"], row["q"], row["drop"]) == (domain, message.topic, Quality.SIMULATED, [])


def test_seq_counts_up_by_one_and_no_two_readings_share_a_millisecond() -> None:
    (device,) = build_fleet({"water": 1}, 1, 1)
    firmware = Firmware(device, scenario("normal"), 1)
    clock_ms = [START_MS, START_MS, START_MS - 5_000, START_MS + 1, START_MS + 50]  # stands still, steps back
    sent = [json.loads(message.payload) for now_ms in clock_ms for message in firmware.measure(START_S, now_ms)]
    assert [reading["seq"] for reading in sent] == [0, 1, 2, 3, 4]
    assert [reading["ts"] - START_MS for reading in sent] == [0, 1, 2, 3, 50]


@each_row("name", shipped())
def test_the_same_seed_sends_the_same_bytes(name: str) -> None:
    assert [message.payload for message in messages_of(scenario(name))] == [
        message.payload for message in messages_of(scenario(name))
    ]


def test_without_a_clock_there_is_no_ts_and_bit_1_is_expected() -> None:
    for message in messages_of(scenario("no-clock")):
        (row,) = rows_of(message)
        assert "ts" not in json.loads(message.payload)
        assert (row["ts"], row["q"]) == (None, Quality.SIMULATED | Quality.GATEWAY_TIME)


def test_poison_is_one_reading_in_a_hundred() -> None:
    rows = [row for seed in range(5) for message in messages_of(scenario("poison"), 100, seed) for row in rows_of(message)]
    spoilt = [row for row in rows if "expect" in row or row["drop"]]
    assert len(rows) == 7_500
    assert 40 < len(spoilt) < 120


def test_a_spoilt_value_is_dropped_and_the_others_of_its_reading_are_promised() -> None:
    lossy = [row for message in messages_of(ALL_POISON) for row in rows_of(message) if row["drop"]]
    assert lossy
    for row in lossy:
        assert row["q"] == Quality.SIMULATED | Quality.VALUE_DROPPED
        assert not row["f"].keys() & row["drop"]
        assert row["f"].keys() - {"interval_s"}, "something is left to stand"
        assert "interval_s" not in row["drop"], "a count without it would go too"


@pytest.mark.parametrize("fault", VALUE_FAULTS, ids=lambda fault: fault.name)
def test_no_spoilt_value_may_stand(fault: ValueFault) -> None:
    for quantity in (quantity for fields in QUANTITIES.values() for quantity in fields.values()):
        value = fault.spoil(quantity)
        assert isinstance(value, str | bool) or not quantity.minimum <= value <= quantity.maximum, quantity.field


def test_every_payload_fault_occurs_and_names_its_reason() -> None:
    seen = Counter(row["expect"] for message in messages_of(ALL_POISON, 100) for row in rows_of(message) if "expect" in row)
    assert seen.keys() == {fault.reason.value for fault in PAYLOAD_FAULTS}
    for message in messages_of(ALL_POISON):
        (row,) = rows_of(message)
        if row.get("expect") in {"bad_json", "not_utf8"}:
            with pytest.raises(ValueError, match=r"."):
                json.loads(message.payload)


def test_a_repeated_message_is_the_same_bytes_and_its_row_says_so() -> None:
    sent = messages_of(scenario("duplicates"), 200)
    rows: dict[tuple[str, int], tuple[dict[str, Any], bytes]] = {}
    repeated = 0
    for message in sent:
        (row,) = rows_of(message)
        key = (row["tags"]["device"], row["seq"])
        if row.pop("dup", False):
            repeated += 1
            assert rows[key] == (row, message.payload)
        else:
            assert key not in rows
            rows[key] = (row, message.payload)
    assert 0.06 < repeated / len(rows) < 0.14


def test_a_backlog_is_an_array_with_a_row_for_each_reading_and_ends_with_what_was_kept() -> None:
    sent = messages_of(scenario("backlog"), 50)
    by_device: dict[str, list[int]] = {}
    for message in sent:
        by_device.setdefault(message.topic, []).append(len(message.rows))
    assert len({sizes[0] for sizes in by_device.values()}) > 3, "devices differ"
    for sizes in by_device.values():
        assert sum(sizes) == 50
        assert 2 <= sizes[0] <= 20
        assert set(sizes[:-1]) == {sizes[0]} >= {max(sizes)}
    for message in sent:
        readings = json.loads(message.payload)
        assert isinstance(readings, list)
        assert [reading["seq"] for reading in readings] == [row["seq"] for row in rows_of(message)]


def test_the_ledger_appends_a_row_per_reading_when_it_is_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"from": "the run before"}\n')
    first, again = messages_of(scenario("backlog"), 50)[:2]
    first.sent, again.sent = 1, 2
    with LedgerFile(path) as ledger:
        ledger.acknowledged(first, 1111)
        assert len(path.read_text().splitlines()) == 1
        ledger.flush()
        ledger.acknowledged(again, 2222)
    rows = [json.loads(line) for line in path.read_text().splitlines()][1:]
    assert rows == [row | {"at": 1111} for row in rows_of(first)] + [row | {"at": 2222, "sent": 2} for row in rows_of(again)]
