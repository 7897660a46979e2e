"""Shares that move between two gateways: what each does, and says in the database, and when."""

import asyncio
import logging
import zlib
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from mqtt5 import RetainHandling

from gateway.core.batching.pacing import LinkBudget
from gateway.core.batching.write_result import Answer
from gateway.core.devices.streams import Streams
from gateway.core.gateways.sharing import Share, filters_of
from gateway.core.gateways.tenures import TENURE, Stage, Tenure, Tenures, unpack_tenure
from gateway.core.ledger import Ledger
from gateway.ingest.database.store import StoreFault
from gateway.ingest.intake.subscriptions import Subscriptions
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.monitoring.reports.take_over import Claim
from gateway.runtime.jobs import moves
from gateway.runtime.jobs.moves import Moves, with_kept
from gateway.support.config.model import Config
from gateway.support.registry.shares import SharesFile
from tests.clocks import SetClock
from tests.core.making import NOW_MS
from tests.ingest.delivery.delivering import until
from tests.waiting import PATIENCE_S

ONE, TWO = "gateway-1", "gateway-2"
FILTERS: Final = filters_of(Share(site="s1"))
Words = dict[str, dict[str, Claim]]


class Told:
    """In the connection's place: what it was asked to send."""

    def __init__(self) -> None:
        self.given_up: list[str] = []

    def subscribe(self, wanted: dict[str, RetainHandling], stale: list[str]) -> None:
        """Note it."""
        del wanted
        self.given_up += stale


class Machine:
    """A gateway of two, with what its moves have to do with.

    :ivar did: what was done, in this order.
    """

    link = LinkBudget()

    def __init__(self, name: str, words: Words, database: Database, tenure: Tenure | None) -> None:
        self.name, self.words, self.database, self.did = name, words, database, list[str]()
        self.takes, self.awaiting = True, 0
        self.tenures = Tenures({"s1": tenure} if tenure is not None else {})
        self.told, self.ledger, self.clock = Told(), Ledger(since_ms=NOW_MS), SetClock(NOW_MS)
        self.subscriptions = Subscriptions(database, self.told.subscribe, {})
        self.behind: dict[str, int] = {}
        config = Config.model_validate({"mqtt": {"client_id": name}})
        me: Any = self  # in the place of each of these
        self.streams = Streams(tenures=self.tenures)
        asked = (config, database, self.streams, self.subscriptions, me)
        self.moves = Moves(*asked, self.ledger, me, me, me, me, me, self.clock)

    @property
    def tenure(self) -> Tenure:
        """Its share."""
        return self.tenures.by_name["s1"]

    def stage(self) -> Stage:
        """The stage that it has reached."""
        return self.tenure.stage

    @property
    def saved(self) -> Tenure | None:
        """The same in its file."""
        text = self.database.run_here(keyvalue.get, f"{TENURE}s1")
        return None if text is None else unpack_tenure(text)

    @property
    def word(self) -> Claim | None:
        """Its last word in the database."""
        return self.words.get("s1", {}).get(self.name)

    def file_of(self, reader: str) -> SharesFile:
        """A file of shares in which one gateway reads the share."""
        return SharesFile([ONE, TWO], [Share(site="s1", gateway=reader), Share(site="s2", gateway=ONE)])

    # The parts.

    async def passed(self) -> None:
        """Let a fence pass."""
        self.did.append("fence")

    async def write(self, gzip: bytes) -> Answer:
        """Take a word, if the database takes anything."""
        if not self.takes:
            return Answer(503)
        line = zlib.decompress(gzip, wbits=31).decode()
        fields = dict(one.split("=") for one in line.split(" ")[1].split(","))
        stage, waiting, kept = (float(fields[name]) for name in ("stage", "waiting", "kept"))
        share = line.split("device=")[1].split(" ")[0]
        assert (f"channel={self.name}" in line, line.endswith(f" {self.clock.at_ms}")) == (True, True)
        assert self.saved is not None or share != "s1", "who has said something knows it after a restart"
        self.words.setdefault(share, {})[self.name] = Claim(Stage(int(stage)), int(waiting), bool(kept))
        return Answer(204)

    def waiting(self, name: str) -> int:
        """The devices that await their sums."""
        return self.awaiting if name == "s1" else 0

    def look(self) -> None:
        """Ask for sums."""
        self.did.append("sums")

    def pop_behind(self) -> dict[str, int]:
        """Devices whose sums are behind."""
        behind, self.behind = self.behind, {}
        return behind

    def start(self, device: Any, from_ms: int) -> None:  # noqa: ANN401 - in a device's place
        """Work out sums again."""
        self.did.append(f"resum {device.name} {from_ms}")

    async def save(self) -> None:
        """Save the devices."""
        assert self.tenure.stage is Stage.TAKING_OVER, "before it is said"
        self.did.append("devices saved")

    async def end(self, names: list[str]) -> None:
        """End the alarms here."""
        self.did.append(f"alarms of {names[0]} end")

    async def tell_again(self, names: list[str]) -> None:
        """Tell alarms anew."""
        self.did.append(f"alarms of {names[0]} told")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for pause in ("_LOOK_EVERY_S", "_UNDER_WAY_S", "_SHOWN_LATE_S"):
        monkeypatch.setattr(moves, pause, 0.001)


@contextmanager
def machine(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, tenure: Tenure | None = None, words: Words | None = None
) -> Iterator[Machine]:
    """A gateway whose database has such words; while the list of faults has one it does not answer."""
    database = Database(folder / "journal.db")
    database.open()
    said: Words = {} if words is None else words
    asked: list[frozenset[str]] = []

    @asynccontextmanager
    async def opened(*_: object) -> AsyncIterator[object]:
        yield type("Store", (), {"is_overwritten": False})()

    async def claims(_: object, names: Collection[str], now_ms: int) -> Words:
        assert now_ms == NOW_MS
        asked.append(frozenset(names))
        if "away" in said:
            raise StoreFault("away")
        return {share: dict(told) for share, told in said.items() if share in names}

    monkeypatch.setattr(moves, "open_store", opened)
    monkeypatch.setattr(moves, "claims", claims)
    made: list[Machine] = []

    async def make() -> None:
        made.append(Machine(name, said, database, tenure))

    asyncio.run(make())
    try:
        yield made[0]
    finally:
        database.close()


def run(gate: Machine, *lanes: str, until_: Any) -> None:  # noqa: ANN401 - a condition
    """Run some of its lanes until something holds."""

    async def story() -> None:
        running = [asyncio.create_task(getattr(gate.moves, lane)()) for lane in lanes]
        try:
            async with asyncio.timeout(PATIENCE_S):
                await until(lambda: until_() or any(task.done() for task in running))
            for task in running:
                assert not task.done(), task
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    gate.moves._changed = asyncio.Event()  # noqa: SLF001 - each run has a loop of its own
    asyncio.run(story())


def rests(gate: Machine, *lanes: str) -> None:
    """Run them for some rounds."""
    rounds = iter(range(30))
    run(gate, *lanes, until_=lambda: next(rounds, None) is None)


def test_a_share_is_taken_over_step_by_step_as_the_other_gateway_leaves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gateway")
    words: Words = {"s1": {ONE: Claim(Stage.HOLDING)}}
    with machine(tmp_path, monkeypatch, TWO, words=words) as gate:
        gate.moves.want(gate.file_of(TWO))
        rests(gate, "tell")
        assert gate.word is None, "it is not asked for yet"
        gate.moves.subscribe(dict.fromkeys(FILTERS, RetainHandling.SEND_ALWAYS), [])
        rests(gate, "tell")
        assert gate.word is None, "the broker has not confirmed it"
        gate.subscriptions.confirm([FILTERS[0]])
        rests(gate, "tell")
        assert gate.word is None, "the broker refused some of it"
        gate.subscriptions.confirm()
        run(gate, "tell", until_=lambda: gate.word == Claim(Stage.TAKING_OVER))

        rests(gate, "take_over")
        assert (gate.tenure.is_alone, gate.tenure.is_free, gate.did) == (False, False, [])
        words["s1"][ONE] = Claim(Stage.LEAVING)
        run(gate, "take_over", until_=lambda: gate.tenure.is_alone)
        assert (gate.tenure.is_free, gate.did) == (False, ["fence"])
        gate.awaiting = 2
        words["s1"][ONE] = Claim(Stage.LEFT)
        run(gate, "take_over", until_=lambda: "sums" in gate.did)
        rests(gate, "take_over")
        assert (gate.stage(), gate.did) == (Stage.TAKING_OVER, ["fence", "sums"])
        run(gate, "tell", until_=lambda: gate.word == Claim(Stage.TAKING_OVER, 2))
        gate.awaiting = 0
        run(gate, "take_over", "tell", until_=lambda: gate.word == Claim(Stage.HOLDING) and gate.saved == gate.tenure)
        assert gate.did[2:] == ["alarms of s1 told", "devices saved"]
        assert gate.tenure.told_ms == NOW_MS
    said = [record.getMessage() for record in caplog.records]
    waits = f"taking over s1: no sums are written of it until all stands in the database of {ONE}"
    assert [text for text in said if "s1" in text] == [waits, "taken over s1: its sums go on"]


def test_a_share_is_read_on_until_its_heir_reads_it_and_left_when_all_is_in_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gateway")
    words: Words = {"s1": {ONE: Claim(Stage.HOLDING)}}
    with machine(tmp_path, monkeypatch, ONE, Tenure(Stage.HOLDING, 5, told_ms=NOW_MS), words) as gate:
        gate.moves.want(gate.file_of(TWO))
        rests(gate, "leave")
        assert gate.told.given_up == [], "the other subscriptions are not worked out yet"
        gate.moves.subscribe({}, [])
        assert set(gate.subscriptions.wanted) == {*FILTERS, *filters_of(Share(site="s2"))}
        gate.subscriptions.confirm()
        run(gate, "leave", "tell", until_=lambda: gate.word == Claim(Stage.HOLDING, is_kept=True))
        assert (gate.stage(), gate.told.given_up) == (Stage.HOLDING, [])
        words["away"] = {}
        words["s1"][TWO] = Claim(Stage.TAKING_OVER)
        rests(gate, "leave")
        assert gate.told.given_up == []
        del words["away"]
        gate.ledger.pending["journal"] = 3
        run(gate, "leave", until_=lambda: gate.told.given_up)
        assert sorted(gate.told.given_up) == sorted(FILTERS)
        rests(gate, "leave")
        assert gate.stage() is Stage.HOLDING, "the broker has not confirmed that nothing comes"
        gate.subscriptions.unsubscribed(FILTERS)
        run(gate, "leave", until_=lambda: gate.did)
        assert (gate.stage(), gate.did) == (Stage.LEAVING, ["fence"])
        run(gate, "tell", until_=lambda: gate.word == Claim(Stage.LEAVING))
        rests(gate, "leave")
        assert gate.stage() is Stage.LEAVING, "some of it stands in the journal"
        gate.ledger.pending["journal"] = 0
        run(gate, "leave", until_=lambda: "left s1: all that came is in the database" in caplog.text)
        assert gate.stage() is Stage.LEFT
        assert gate.did[-1] == "alarms of s1 end"
        gate.takes = False
        rests(gate, "tell")
        assert "s1" in gate.tenures.by_name, "nobody knows that it was left"
        gate.takes = True
        run(gate, "tell", until_=lambda: gate.saved is None)
        assert (gate.word, "s1" in gate.tenures.by_name) == (Claim(Stage.LEFT), False)


def test_a_word_is_said_again_after_a_day_and_not_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with machine(tmp_path, monkeypatch, ONE, Tenure(Stage.HOLDING, 5, told_ms=NOW_MS, is_alone=True, is_free=True)) as gate:
        gate.moves.want(gate.file_of(ONE))
        gate.moves.subscribe({}, [])
        gate.subscriptions.confirm()
        rests(gate, "tell")
        assert gate.word is None
        gate.clock.at_ms += 86_400_000
        run(gate, "tell", until_=lambda: gate.word == Claim(Stage.HOLDING))


def test_a_gateway_without_shares_keeps_what_it_reads_and_counters_that_are_behind_are_worked_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machine(tmp_path, monkeypatch, ONE) as gate:
        gate.moves.want(None)
        assert gate.tenures.by_name == {}
        gate.streams.meet("m1")
        gate.behind = {"m1": 7, "unknown": 8}
        run(gate, "take_over", until_=lambda: gate.did)
        assert gate.did == ["resum m1 7"]


def test_filters_of_shares_that_others_do_not_read_yet_are_kept_beside_those_that_are_wanted() -> None:
    tenures = Tenures({"s1": Tenure(Stage.HOLDING, 5)})
    tenures.want(SharesFile([ONE, TWO], [Share(site="s1", gateway=TWO)]).assigned, ONE, NOW_MS)
    once, always = RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS, RetainHandling.SEND_ALWAYS
    wanted = with_kept({FILTERS[0]: always, "x/#": always}, tenures)
    assert wanted == {**dict.fromkeys(FILTERS, once), FILTERS[0]: always, "x/#": always}
