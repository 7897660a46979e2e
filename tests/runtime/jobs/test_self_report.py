"""Health points speak of the devices that this gateway answers for, and the gateway's own of what alerts need."""

import asyncio
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gateway import __version__
from gateway.core.batching.write_result import Answer
from gateway.core.status.verdict import Fleet
from gateway.ingest.storage.database import Database
from gateway.monitoring.status.metrics import exposition
from gateway.runtime.pipeline.build import Parts
from gateway.support.config.model import StandbySection
from tests.clocks import SetClock
from tests.core.making import NOW_MS, message, topic
from tests.runtime.jobs.closing_rig import config_of

DEVICES = [{"id": name, "site": "s1", "domain": "water"} for name in ("heard", "elsewhere")]


async def reported(folder: Path, monkeypatch: pytest.MonkeyPatch, **mqtt: object) -> tuple[str, str]:
    """Return the points of a gateway that has heard one of two devices and received three readings, and its metrics."""
    with reporting(folder, monkeypatch, SetClock(NOW_MS), **mqtt) as (parts, written):
        parts.foundation.events.connected("mqtt://broker", NOW_MS, session_present=True)
        parts.foundation.ledger.receive(3, "mqtt")
        parts.processing.processor.process(message({"ph": 7}, topic("heard")), NOW_MS)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await parts.watching.self_report.run()
        return "\n".join(written), exposition(parts.watching.status, Fleet()).decode()


@contextmanager
def reporting(
    folder: Path, monkeypatch: pytest.MonkeyPatch, clock: SetClock, **mqtt: object
) -> Iterator[tuple[Parts, list[str]]]:
    """The parts of a gateway, and what they write to a database that takes all."""
    (folder / "devices.yaml").write_text(json.dumps({"devices": DEVICES}))
    config = config_of(folder, "http://127.0.0.1:1", "Asia/Ho_Chi_Minh")
    config = config.model_copy(update={"mqtt": config.mqtt.model_copy(update=mqtt)})
    database, written = Database(folder / "journal.db"), list[str]()
    database.open()
    parts = Parts(config, database, clock)

    async def write(body: bytes) -> Answer:
        written.append(zlib.decompress(body, wbits=31).decode())
        return Answer(204)

    monkeypatch.setattr(parts.delivery.destination.influxdb, "write", write)
    yield parts, written
    database.close()


@pytest.mark.parametrize(
    ("mqtt", "speaks_of_both"),
    [
        pytest.param({}, True, id="alone"),
        pytest.param({"shares": Path("shares.yaml")}, False, id="sites are shared out, and another one leads"),
        pytest.param({"standby": StandbySection(machine="a")}, False, id="a pair, of which the other may have heard it"),
    ],
)
def test_a_gateway_that_shares_speaks_only_of_devices_it_has_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mqtt: dict[str, object], *, speaks_of_both: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shares.yaml").write_text("gateways: [another, gateway-1]\nshares: [{site: s1, gateway: gateway-1}]\n")
    written, _ = asyncio.run(reported(tmp_path, monkeypatch, **mqtt))
    assert "device_health,device=heard" in written
    assert ("device_health,device=elsewhere" in written) is speaks_of_both


def test_the_gateways_own_point_has_what_alerts_about_it_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written, metrics = asyncio.run(reported(tmp_path, monkeypatch))
    own, build, *_ = written.splitlines()
    assert own.startswith("gateway,gateway=gateway-1 ")
    fields = dict(field.split("=", 1) for field in own.split(" ")[1].split(","))
    assert (fields["received"], fields["pending"], fields["mqtt"]) == ("3.0", "3.0", "True")
    assert (fields["lost"], fields["rejects"], fields["imbalance"]) == ("0.0", "0.0", "0.0")
    assert fields["limit_bytes"] == str(float(2**30))
    assert build == f"build,gateway=gateway-1,version={__version__} value=1.0 {NOW_MS}"
    in_metrics = set(re.findall(r"^gateway_\w+", metrics, re.MULTILINE))
    assert len(in_metrics) > 20
    assert not in_metrics & {f"gateway_{field}" for field in fields}, "one VictoriaMetrics may hold both"


def test_the_gateways_own_point_says_for_how_long_all_has_gone_straight_to_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told() -> list[str | None]:
        """Report each minute: before the broker is there, and then with a break of the database and one of the broker."""
        clock, found = SetClock(NOW_MS), list[str | None]()
        with reporting(tmp_path, monkeypatch, clock) as (parts, written):
            events, breaker = parts.foundation.events, parts.delivery.destination.breaker

            async def minute() -> None:
                written.clear()
                await parts.watching.self_report.report()
                unbroken = re.search(r"unbroken_s=([\d.]+)", written[0])
                found.append(unbroken and unbroken[1])
                clock.at_ms += 60_000

            await minute()
            events.connected("mqtt://broker", clock.at_ms - 20_000, session_present=True)
            await minute()
            await minute()
            breaker.open(Answer(503))
            breaker.close()
            await minute()
            await minute()
            events.disconnected("it ended", clock.at_ms)
            await minute()
            events.connected("mqtt://broker", clock.at_ms, session_present=True)
            await minute()
        return found

    assert asyncio.run(told()) == [None, "20.0", "80.0", "0.0", "60.0", None, "0.0"]
