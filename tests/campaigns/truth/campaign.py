"""A campaign: the world is played, all settles, every surface is asked, and answers are judged."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Final

from tests.campaigns.truth.alarms import alarm_lines, judge_alarms, raised_alarms
from tests.campaigns.truth.asked_files import billing_answers, open_data_answers
from tests.campaigns.truth.asked_pages import consumption_page_answers, device_day_answers
from tests.campaigns.truth.asked_panels import BUNDLE, panel_answers
from tests.campaigns.truth.asked_points import point_answers
from tests.campaigns.truth.asked_reports import (
    balance_answers,
    completeness_answers,
    consumption_answers,
    group_answers,
)
from tests.campaigns.truth.asked_rollups import points, rollup_answers
from tests.campaigns.truth.calendar import FIRST_MONTH, Period, at_s, day, month
from tests.campaigns.truth.judge import Answer, Marks, Verdict, judge
from tests.campaigns.truth.parts import Gateway
from tests.campaigns.truth.player import Stage
from tests.campaigns.truth.truths import Truths
from tests.campaigns.truth.world import World

SETTLED_S: Final = 45.0
"""Roll-ups that did not change for so long are settled: VictoriaMetrics shows late readings after 11 s, of each round."""
PATIENCE_S: Final = 300.0
LAGS: Final = "lags.json"
Tell = Callable[[str], None]


def judged_again(folder: Path, days: int, seed: int, *, is_small: bool) -> dict[str, Verdict]:
    """Judge the answers that a campaign kept in a folder once more."""
    lags_s = {int(hour): lag_s for hour, lag_s in json.loads((folder / LAGS).read_text()).items()}
    world = World(days, seed, is_small=is_small)
    truths, stores = Truths(world, lags_s), [path.stem.removeprefix("answers-") for path in folder.glob("answers-*.jsonl")]
    return {store: _judged(folder, store, truths, world) for store in stores}


def _judged(folder: Path, store: str, truths: Truths, world: World) -> Verdict:
    """Judge what was kept of a store: its figures, its alarms, and what could not be asked."""
    found = judge(_kept(_answers(folder, store)), truths.figure)
    alarms, unasked = (folder / f"{what}-{store}.json" for what in ("alarms", "unasked"))
    if alarms.exists():
        verdict = judge_alarms([(alarm, device, at) for alarm, device, at in json.loads(alarms.read_text())], world)
        found.notes += alarm_lines(verdict)
        found.failures += [] if verdict.is_good else ["alarms are missing, or too many"]
    found.failures += json.loads(unasked.read_text()) if unasked.exists() else []
    return found


def _answers(folder: Path, store: str) -> Path:
    return folder / f"answers-{store}.jsonl"


def _kept(path: Path) -> Iterator[Answer]:
    for line in path.read_text().splitlines():
        surface, subject, figure, period, value, marks, *others = json.loads(line)
        yield Answer(surface, subject, figure, Period(*period), value, Marks(*marks), *others)


@dataclass(frozen=True)
class Campaign:
    """The task."""

    days: int
    seed: int
    speed: float
    stores: list[str]
    is_small: bool
    has_clock_faults: bool
    tell: Tell

    def run(self, folder: Path) -> dict[str, Verdict]:
        """Carry it out; a verdict for each store."""
        world = World(self.days, self.seed, is_small=self.is_small)
        stage = Stage(world, folder, self.stores, self.speed, has_clock_faults=self.has_clock_faults)
        found = {}
        with stage.running():
            stage.play(self.tell)
            for gateway in stage.gateways:
                self._settle(gateway)
            for refused in stage.refused:
                self.tell(f"refused: {refused}\n")
            (folder / LAGS).write_text(json.dumps(stage.lags_s))
            truths = Truths(world, stage.lags_s)
            for gateway in stage.gateways:
                store = gateway.store.name
                unasked = [one for one in stage.refused if one.startswith(gateway.name)]
                unasked += self._ask(gateway, world, _answers(folder, store))
                (folder / f"unasked-{store}.json").write_text(json.dumps(unasked))
                (folder / f"alarms-{store}.json").write_text(json.dumps(list(raised_alarms(gateway))))
                found[store] = _judged(folder, store, truths, world)
        return found

    def _settle(self, gateway: Gateway) -> None:
        """Return when nothing waits and roll-ups change no more."""
        deadline_s = time.monotonic() + PATIENCE_S
        before, since_s = "", time.monotonic()
        while time.monotonic() < deadline_s and time.monotonic() - since_s < SETTLED_S:
            self.tell(f"{gateway.name} settles")
            ledger = json.loads(gateway.ask("/api/ledger")[1])
            now = f"{ledger['pending']} {self._rolled_up(gateway)}"
            if now != before:
                before, since_s = now, time.monotonic()
            time.sleep(2.0)

    def _rolled_up(self, gateway: Gateway) -> int:
        return hash(str(sorted(points(gateway.store, "daily", at_s(0, 0), at_s(self.days, 0)).items())))

    def _ask(self, gateway: Gateway, world: World, kept: Path) -> Iterator[str]:
        """Ask all questions, and keep the answers as they come; yield what had none."""
        with kept.open("w") as file:
            for what, answers in self._questions(gateway, world):
                self.tell(f"{gateway.name}: {what}")
                try:
                    file.writelines(json.dumps(one) + "\n" for one in answers)
                except (RuntimeError, KeyError, ValueError, TimeoutExpired) as error:
                    yield f"{gateway.name} {what}: {type(error).__name__} {error}"
                file.flush()

    def _questions(self, gateway: Gateway, world: World) -> Iterator[tuple[str, Iterable[Answer]]]:
        """Databases first, which answer at once."""
        store, days = gateway.store, [day(number) for number in range(self.days)]
        begin_s, end_s = days[0].begin_s, days[-1].end_s
        yield "roll-ups", rollup_answers(store, begin_s, end_s)
        yield "points", point_answers(store, days, frozenset() if store.is_influxdb else self._told_late(world))
        if BUNDLE.exists():
            yield "panels", panel_answers(store, [(begin_s, end_s), (days[-1].begin_s, end_s)])
        else:
            self.tell("panels are not asked: make judge-grafana fetches what draws them\n")
        whole, months = month(self.days), [("month", range(self.days))]
        hourly = [("hour", span) for span in self._hourly()]
        for step, span in [("day", range(self.days)), *(months if whole else []), *hourly]:
            yield f"report {step} {span}", consumption_answers(gateway, span, step)
            yield f"report by group {step} {span}", group_answers(gateway, span, step)
            yield f"balance {step} {span}", balance_answers(gateway, span, step)
        yield "completeness", completeness_answers(gateway, range(self.days))
        yield "open data", open_data_answers(gateway, range(0, self.days, 3))
        yield "page of consumption", consumption_page_answers(gateway, FIRST_MONTH, end_s, is_over=whole is not None)
        water = [meter.id for meter in world.meters if meter.domain == "water"]
        yield "pages of days", device_day_answers(gateway, water, (1, self.days // 2, self.days - 1))
        if whole is not None:
            yield "billing", billing_answers(gateway, whole)

    def _hourly(self) -> list[range]:
        """Days of which reports are asked hour by hour: roll-ups have the same of all days."""
        early = [span for span in (range(1, 3), range(8, 9)) if span.stop <= self.days - 2]
        return [*early, range(max(0, self.days - 2), self.days)]

    def _told_late(self, world: World) -> frozenset[str]:
        """Devices of which an exchange was told, perhaps after the new meter: VictoriaMetrics keeps their sums as they were."""
        return frozenset(one.device for one in world.exchanges())
