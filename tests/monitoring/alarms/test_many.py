"""A province that loses its network: thousands of alarms at once, which hold nothing else up."""

import asyncio
from pathlib import Path

import pytest

from tests.core.making import NOW_MS
from tests.monitoring.alarms.keeping import HOT_C, Kept, opened

MANY = 3000


def test_thousands_of_changes_let_others_have_their_turn_and_do_not_fill_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as file:
        kept = Kept(file)
        for number in range(MANY):
            kept.bed.push(NOW_MS, {"temperature_c": HOT_C}, f"d{number}")

        async def story() -> int:
            committing, turns = asyncio.create_task(kept.keeper.commit()), 0
            while len(kept.told) < MANY and not committing.done():
                await asyncio.sleep(0)
                turns += 1
            await committing
            return turns

        assert asyncio.run(story()) >= MANY // 100
        assert len(kept.active) == len(kept.points) == MANY
        assert len(caplog.records) <= 101
