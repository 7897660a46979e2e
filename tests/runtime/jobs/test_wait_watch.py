"""A third gateway, which has no part in a move, finds in the database who waits for whom, and nothing while that is away."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from gateway.core.batching.pacing import LinkBudget
from gateway.core.gateways.sharing import Share
from gateway.core.gateways.standby import PairRole, Standby
from gateway.core.gateways.tenures import Stage, Tenures
from gateway.core.gateways.waits import Wait, WaitKind, Waits
from gateway.core.ledger import Ledger
from gateway.ingest.events import Events
from gateway.ingest.storage.database import Database
from gateway.monitoring.reports.take_over import Claim, claim_line
from gateway.monitoring.status.troubles import of_moves
from gateway.runtime.jobs.other_gateways import MoveLook, find_in_pair, look_at_waits
from gateway.runtime.pipeline.build import Parts
from gateway.support.config.model import Config
from gateway.support.i18n.findings import sentence
from tests.clocks import SetClock
from tests.core.making import NOW_MS
from tests.monitoring.reports.stores import Filled

pytestmark = pytest.mark.real

OLD, NEW, THIRD, GONE = "gateway-1", "gateway-2", "gateway-3", "gateway-0"
FILE = {Share(site="forgotten"): NEW, Share(site="orphan"): NEW, Share(site="wanted"): NEW, Share(site="own"): THIRD}
QUARTER_MS = 15_000


class Third:
    """The third gateway: its looks, a quarter of a minute apart, at what others write into a real database."""

    def __init__(self, folder: Path, filled: Filled) -> None:
        self.filled = filled
        self.clock = SetClock(NOW_MS)
        self.waits = Waits()
        document = {
            "mqtt": {"client_id": THIRD},
            "influxdb": {"url": filled.service.url, "api": "v1"},
            "journal": {"path": folder / "journal.db"},
            "devices": {"registry": folder / "devices.yaml"},
        }
        tenures = Tenures()
        tenures.want(FILE, THIRD, NOW_MS)
        look = MoveLook(Config.model_validate(document), tenures, self.clock, LinkBudget(None))
        self._look = partial(look_at_waits, self.waits, look.find, self.clock)

    def says(self, share: str, gateway: str, stage: Stage, *, is_kept: bool = False) -> None:
        """Another gateway says how far it is."""
        self.filled.write([claim_line(share, gateway, Claim(stage, is_kept=is_kept), self.clock.at_ms)])

    def pass_minutes(self, minutes: float) -> list[Wait]:
        """Look for so long; what is told then."""

        async def looks(look: Callable[[], Awaitable[None]]) -> None:
            for _ in range(round(minutes * 60_000 / QUARTER_MS)):
                self.clock.at_ms += QUARTER_MS
                await look()

        asyncio.run(looks(self._look))
        return self.waits.told


def test_a_third_gateway_tells_of_a_forgotten_file_and_of_one_that_is_off_the_list_and_dead(
    tmp_path: Path, filled: Filled
) -> None:
    third = Third(tmp_path, filled)
    for share, gateway in (("forgotten", OLD), ("orphan", GONE), ("wanted", OLD), ("own", THIRD), ("elsewhere", OLD)):
        third.says(share, gateway, Stage.HOLDING)
    third.clock.at_ms += 20 * 86_400_000  # the dead one has said nothing since
    for share in ("forgotten", "orphan", "elsewhere"):
        third.says(share, NEW, Stage.TAKING_OVER)
    third.says("own", THIRD, Stage.HOLDING)
    third.says("wanted", OLD, Stage.HOLDING, is_kept=True)
    assert third.pass_minutes(3) == []
    dead = Wait(WaitKind.NOT_LEFT, NEW, GONE, "orphan")
    kept, forgotten = Wait(WaitKind.NOT_READ, OLD, NEW, "wanted"), Wait(WaitKind.NOT_LEFT, NEW, OLD, "forgotten")
    assert third.pass_minutes(0.25) == [dead, forgotten, kept]
    said = [sentence(finding) for finding in of_moves(third.waits.told)]
    for text, begins in zip(
        said,
        (
            "gateway-2 waits for gateway-0 to leave 1 shares (orphan): ",
            "gateway-2 waits for gateway-1 to leave 1 shares (forgotten): ",
            "gateway-2 does not read 1 shares (wanted) that shares.yaml here gives to it; gateway-1 reads them instead. ",
        ),
        strict=True,
    ):
        assert text.startswith(begins), text
    assert "gateway move SHARE --to gateway-2 --gone gateway-0" in said[0]

    third.says("forgotten", OLD, Stage.LEAVING)
    assert third.pass_minutes(1) == [dead, kept], "it has read the file"
    third.says("forgotten", OLD, Stage.LEFT)
    third.says("orphan", GONE, Stage.LEFT)
    third.says("wanted", NEW, Stage.TAKING_OVER)
    third.says("wanted", OLD, Stage.LEFT)
    assert third.pass_minutes(0.25) == []
    third.clock.at_ms += 6 * 3_600_000
    assert third.pass_minutes(3.5) == [], "also when all is asked for again"


@pytest.mark.parametrize("filled", ["influxdb"], indirect=True)
def test_a_database_that_is_away_is_not_taken_for_a_gateway_that_is_waited_for(tmp_path: Path, filled: Filled) -> None:
    third = Third(tmp_path, filled)
    third.says("forgotten", OLD, Stage.HOLDING)
    third.says("forgotten", NEW, Stage.TAKING_OVER)
    assert third.pass_minutes(2) == []
    filled.service.stop()
    assert third.pass_minutes(30) == []
    filled.service.start()
    filled.service.wait_ready()
    assert third.pass_minutes(1.25) == []
    assert third.pass_minutes(0.25) == [Wait(WaitKind.NOT_LEFT, NEW, OLD, "forgotten")]


def test_a_pair_whose_sums_wait_for_a_journal_is_told_and_not_while_the_database_takes_nothing() -> None:
    clock, waits, events = SetClock(NOW_MS), Waits(), Events()
    live = Standby("a", 10.0, PairRole.LIVE)
    live.heard("b", PairRole.OFFLINE, 1, 0.0, retained=True)
    live.journal_told("b", 7)
    find = partial(find_in_pair, live, Ledger(NOW_MS), events)

    async def looks(minutes: float) -> list[Wait]:
        for _ in range(round(minutes * 60_000 / QUARTER_MS)):
            clock.at_ms += QUARTER_MS
            await look_at_waits(waits, find, clock)
        return waits.told

    assert asyncio.run(looks(10)) == []
    events.influxdb_up = True
    assert asyncio.run(looks(3)) == []
    assert asyncio.run(looks(0.25)) == [Wait(WaitKind.JOURNAL, "a", "b")]
    live.journal_told("b", 0)
    assert asyncio.run(looks(0.25)) == []


@pytest.mark.parametrize(
    ("mqtt", "looks"), [({}, False), ({"standby": {"machine": "a"}}, True), ({"shares": "shares.yaml"}, True)]
)
def test_who_may_wait_for_another_machine_looks(tmp_path: Path, mqtt: dict[str, object], *, looks: bool) -> None:
    shares = tmp_path / "shares.yaml"
    shares.write_text("gateways: [gateway-1]\nshares: [{site: ward-1}]\n")
    document = {
        "mqtt": mqtt | ({"shares": shares} if "shares" in mqtt else {}),
        "journal": {"path": tmp_path / "journal.db"},
        "devices": {"registry": tmp_path / "devices.yaml"},
    }
    database = Database(tmp_path / "journal.db")
    database.open()

    async def lanes() -> set[str]:
        return set(Parts(Config.model_validate(document), database, SetClock(NOW_MS)).lanes)

    try:
        assert ("waits" in asyncio.run(lanes())) is looks
    finally:
        database.close()
