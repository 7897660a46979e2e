"""The world of a campaign: broker, database and gateway on one scaled clock, a fleet, exchanges that are told, and kills."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Final
from unittest import mock
from urllib.parse import quote, urlencode

from gateway.commands.demo import services
from gateway.commands.demo.services import CHECKOUT, Program, Service
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.campaigns.months.plan import BEGIN_S, Fault, MonthsPlan, ToldExchange
from tests.system.fleet import wait_settled
from tests.system.rig import Gateway, gateway

LEAD_S: Final = 12.0
"""Real seconds for the start of all parts."""
SLOW: Final = 600.0
"""Simulated seconds a second while nothing happens any more."""
LOOK_S: Final = 0.02
RETRY_S: Final = 0.5
NEW_DISK_S: Final = 6.0
"""Real seconds until a gateway whose file was lost starts again: VictoriaMetrics shows what was written last after 5."""
SETTLED_WITHIN_S: Final = 600.0

Tell = Callable[[str], None]


class ScaledWorld:
    """All parts, running.

    :ivar ledger: what the fleet wrote down.
    :ivar kills: gateways that were killed.
    :ivar outages: times that the database was away.
    :ivar told_late: exchanges that became known only after the new meter had sent.
    """

    def __init__(self, plan: MonthsPlan, folder: Path, broker: Service, database: Service, scale: ScaledTime) -> None:
        self._plan = plan
        self._broker = broker
        self._scale = scale
        self.database = database
        self.ledger = folder / "ledger.jsonl"
        self.gateway = _gateway(plan, folder / "gateway", broker, database)
        self.kills = 0
        self.outages = 0
        self.told = 0
        self.told_late = 0
        self._fleet = Service(
            "fleet",
            "",
            0,
            folder,
            "",
            Program(Path(sys.executable)),
            ["-m", "tests.campaigns.months.fleet", broker.url, str(self.ledger), plan.as_json()],
            lambda: True,
        )

    def now_s(self) -> float:
        """The simulated time."""
        return self._scale.at_ms(time.time_ns()) / 1000

    def pass_by(self, tell: Tell) -> None:
        """Let all days pass, with all that happens in them."""
        faults = self._plan.faults()
        telling = list(self._plan.exchanges_told())
        retry_s = 0.0
        self._fleet.start()
        try:
            while self._fleet.pid is not None:
                now_s = self.now_s()
                if faults and now_s >= faults[0][0]:
                    _, fault = faults.pop(0)
                    tell(fault.value)
                    self._fail(fault)
                while telling and now_s >= telling[0].tell_s and time.monotonic() >= retry_s:
                    if not self._tell(telling[0]):
                        retry_s = time.monotonic() + RETRY_S
                        break
                    telling.pop(0)
                tell("")
                time.sleep(LOOK_S)
        finally:
            self._fleet.stop()
        tell("settling")
        wait_settled(self.gateway, self._broker, SETTLED_WITHIN_S)
        while telling:
            if self.now_s() >= telling[0].at_s and self._tell(telling[0]):
                telling.pop(0)
            else:
                time.sleep(RETRY_S)

    def _fail(self, fault: Fault) -> None:
        """Let a part fail; a gateway that is killed starts again at once, if its file is not lost."""
        if fault is Fault.DATABASE_AWAY:
            self.database.stop()
            self.outages += 1
        elif fault is Fault.DATABASE_BACK:
            self.database.start()
        else:
            self.gateway.kill()
            self.kills += 1
            if fault is Fault.FILE_LOST:
                for file in self.gateway.journal.parent.glob("journal.db*"):
                    if not file.name.endswith(".token"):
                        file.unlink()
                time.sleep(NEW_DISK_S)
            self.gateway.start()

    def _tell(self, exchange: ToldExchange) -> bool:
        """Tell the gateway of an exchange, as ``gateway devices exchange`` does; False if it does not answer yet."""
        query = urlencode(
            {
                "field": exchange.field,
                "at_ms": round(exchange.at_s * 1000),
                "final": exchange.final,
                "register": exchange.register,
                "force": 1,
            }
        )
        try:
            path = f"/api/devices/{quote(exchange.device)}/exchange?{query}"
            status, answer = self.gateway.ask(path, "POST", token=self.gateway.token())
        except (OSError, HTTPException):
            return False
        if status == 200:
            self.told += 1
            self.told_late += bool(json.loads(answer)["told_late"])
        return status == 200

    def slow_down(self) -> None:
        """Go on at a slower pace: what takes the gateway a second took hours of the fast clock, so it may be hours behind."""
        now_ms = time.time_ns() // 1_000_000
        self._scale = ScaledTime(now_ms, self._scale.at_ms(time.time_ns()), SLOW)
        os.environ[VARIABLE] = str(self._scale)
        self.gateway.terminate()
        self.gateway.start()
        self.gateway.wait_subscribed()


def _gateway(plan: MonthsPlan, folder: Path, broker: Service, database: Service) -> Gateway:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / PERMIT).touch()
    found = gateway(folder, broker.url, database.url, journal={"path": "data/journal.db"})
    found.config.with_name("devices.yaml").write_text(plan.registry())
    return found


@contextmanager
def scaled_world(plan: MonthsPlan, folder: Path, *, is_metricsql: bool) -> Iterator[ScaledWorld]:
    """Start all parts on a clock that shows the begin of the plan when they are ready."""
    with (
        mock.patch.dict(os.environ, {"PYTHONPATH": str(CHECKOUT)}),  # for the processes that are started in other folders
        services.mosquitto(_made(folder / "mosquitto")) as broker,
        _database(_made(folder / "database"), is_metricsql=is_metricsql) as database,
    ):
        begin_ms = round((BEGIN_S - LEAD_S * plan.speed) * 1000)
        scale = ScaledTime(time.time_ns() // 1_000_000, begin_ms, plan.speed)
        os.environ[VARIABLE] = str(scale)
        found = ScaledWorld(plan, folder, broker, database, scale)
        with found.gateway:
            found.gateway.wait_subscribed()
            yield found


def _database(folder: Path, *, is_metricsql: bool) -> Service:
    return services.victoria_metrics(folder, args=["-retentionPeriod=100y"]) if is_metricsql else services.influxdb(folder)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
