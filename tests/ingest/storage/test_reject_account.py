"""Rejects are settled in one place: what is kept of a flood, what is counted, and what people are told."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from gateway.core.ledger import HoldingPlace, Ledger
from gateway.core.message import Refusal
from gateway.ingest.events import Events
from gateway.ingest.storage.reject_account import RejectAccount
from gateway.support.clock import WallClock
from schemas.rejects import RejectReason
from tests.clocks import SetClock

QUOTA = 20
"""What is kept a minute of one device and reason."""


@pytest.mark.parametrize("place", ["memory", "journal", "quarantine"])
def test_a_settled_reject_leaves_its_place_and_the_account_balances(place: HoldingPlace) -> None:
    ledger, events = Ledger(since_ms=0), Events()
    ledger.receive(3, "mqtt", place)
    refusals = [Refusal(RejectReason.BAD_JSON, "", "t", b"x", "decode", 1, "d", domain) for domain in ("water", "water", "air")]
    RejectAccount(ledger, events, WallClock(), max_bytes=1000).settle(refusals, refusals[1:], place)
    assert (ledger.outcomes["rejected"], ledger.pending[place], ledger.imbalance) == ({"water": 2, "air": 1}, 0, 0)
    assert (events.rejects["bad_json"], events.rejects_kept["bad_json"]) == (3, 2)


def test_garbage_of_devices_that_nobody_knows_is_counted_by_topic() -> None:
    garbage = [Refusal(RejectReason.BAD_JSON, "", f"t/{n % 2}", b"x", "decode", 1) for n in range(2 * QUOTA + 4)]
    assert len(RejectAccount(Ledger(since_ms=0), Events(), WallClock(), max_bytes=1000).choose(garbage)) == 2 * QUOTA


def test_how_many_are_not_kept_is_told_and_nothing_when_all_are() -> None:
    told: list[int] = []
    events = cast("Events", SimpleNamespace(rejects_not_kept=lambda number, _: told.append(number)))
    account = RejectAccount(Ledger(since_ms=0), events, WallClock(), max_bytes=1000)
    garbage = [Refusal(RejectReason.BAD_JSON, "", "t", b"x", "decode", 1) for _ in range(QUOTA)]
    account.choose(garbage)
    assert told == []
    assert len(account.choose([replace(one, topic="t/other") for one in [*garbage, *garbage[:3]]])) == QUOTA
    assert told == [3]


def test_rejects_of_invented_devices_are_kept_as_far_as_their_share_goes_and_of_a_registered_one_as_ever() -> None:
    told: list[tuple[int, str]] = []
    events = cast("Events", SimpleNamespace(strangers_not_kept=lambda *what: told.append(what)))
    account = RejectAccount(Ledger(since_ms=0), events, WallClock(), max_bytes=16_000, is_registered="meter".__eq__)
    made = Refusal(RejectReason.BAD_JSON, "", "", bytes(20), "decode", 1)
    garbage = [replace(made, device=name, topic=f"t/{name}") for name in [*(f"invented-{n}" for n in range(50)), "meter"]]
    kept = account.choose(garbage)
    assert [one.device for one in kept] == [*(f"invented-{n}" for n in range(5)), "meter"]
    assert told == [(45, "t/")]


def test_a_new_minute_keeps_again() -> None:
    clock = SetClock(0)
    account = RejectAccount(Ledger(since_ms=0), Events(), clock, max_bytes=1000)
    garbage = [Refusal(RejectReason.BAD_JSON, "", "t", b"x", "decode", 1) for _ in range(QUOTA + 1)]
    now_ms = 1_793_491_200_000
    for later_s, kept in ((0, QUOTA), (59, 0), (60, QUOTA), (119, 0)):
        clock.at_ms = now_ms + later_s * 1000
        assert len(account.choose(garbage)) == kept
