"""The words of gateways about shares, written and read back."""

import asyncio

from gateway.core.gateways.tenures import Stage
from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.take_over import (
    APART_MS,
    REACH_MS,
    Claim,
    claim_line,
    claims,
    newest_claims,
    stages_told,
    tenants,
)
from tests.monitoring.reports.memory import MemoryStore

NOW_MS = 1_793_491_200_000
READING, LEAVING = Stage.TAKING_OVER, min(Stage)


def test_a_word_reads_back_and_the_newest_counts() -> None:
    line = claim_line("ward-1", "gateway-1", Claim(READING, 3, is_kept=True), NOW_MS)
    assert line == f"share,channel=gateway-1,device=ward-1 stage={float(READING)!r},waiting=3.0,kept=1.0 {NOW_MS}"
    store = MemoryStore(
        [
            claim_line("ward-1", "gateway-1", Claim(LEAVING, 7), NOW_MS - 1000),
            line,
            claim_line("ward-1", "gateway-2", Claim(LEAVING), NOW_MS),
            claim_line("ward-2", "gateway-1", Claim(READING), NOW_MS),
            f"share,channel=gateway-3,device=ward-1 waiting=3 {NOW_MS}",
        ]
    )
    found = asyncio.run(claims(store, {"ward-1"}, NOW_MS))
    assert found == {"ward-1": {"gateway-1": Claim(READING, 3, is_kept=True), "gateway-2": Claim(LEAVING)}}
    newest = asyncio.run(newest_claims(store, TimeSpan(NOW_MS, NOW_MS + 1)))
    assert newest["ward-1"] == {"gateway-1": Claim(READING, is_kept=True), "gateway-2": Claim(LEAVING)}
    assert stages_told(newest)["ward-2"] == {"gateway-1": READING}


def test_words_of_the_last_forty_days_count_and_of_clocks_that_are_ahead() -> None:
    for at_ms, counts in {
        NOW_MS - REACH_MS: True,
        NOW_MS - REACH_MS - 1: False,
        NOW_MS - 40 * 86_400_000: True,
        NOW_MS + APART_MS - 1: True,
        NOW_MS + APART_MS: False,
        NOW_MS + 3_600_000 - 1: True,
    }.items():
        store = MemoryStore([claim_line("ward-1", "gateway-1", Claim(READING), at_ms)])
        assert bool(asyncio.run(claims(store, {"ward-1"}, NOW_MS))) is counts, at_ms
        assert bool(asyncio.run(tenants(store, {"ward-1"}, NOW_MS))) is counts, at_ms


def test_a_gateway_reads_a_share_since_it_said_so_first_after_it_last_did_not() -> None:
    said = {1: LEAVING, 2: READING, 3: READING, 4: LEAVING, 5: READING, 6: max(Stage)}
    lines = [claim_line("ward-1", "gateway-1", Claim(stage), NOW_MS - 10 + at) for at, stage in said.items()]
    lines.append(claim_line("ward-1", "gateway-2", Claim(LEAVING), NOW_MS))
    lines.append(f"share,channel=gateway-3,device=ward-1 waiting=3 {NOW_MS}")
    assert LEAVING < READING
    found = asyncio.run(tenants(MemoryStore(lines), {"ward-1"}, NOW_MS))
    assert found == {"ward-1": {"gateway-1": NOW_MS - 5, "gateway-2": None}}
