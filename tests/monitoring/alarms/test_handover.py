"""The alarms of devices whose share goes to another gateway."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.core.alarms.rules import Silent
from gateway.core.devices.streams import Streams
from gateway.core.gateways.sharing import Share
from gateway.core.gateways.tenures import Tenures
from gateway.monitoring.alarms.handover import AlarmHandover
from tests.core.alarms.alarming import registered, rule
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS
from tests.monitoring.alarms.keeping import HOT, HOT_C, Kept, opened

SITE = "s1"
"""The site of the devices of a bed."""


class Handing(Kept):
    """A gateway that hands over the alarms of sites, or takes them over."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments, HOT, rule(Silent(), name="device_silent"))  # type: ignore[arg-type]
        self.streams = Streams(tenures=Tenures())
        self.streams.devices["d1"] = self.bed.devices["d1"]
        self.handover = AlarmHandover(self.bed.alarms, self.keeper, self.streams, self.clock)

    def end(self, *shares: str) -> None:
        """Leave some shares."""
        asyncio.run(self.handover.end(shares))

    def tell_again(self, *shares: str) -> None:
        """Have some shares."""
        asyncio.run(self.handover.tell_again(shares))


@contextmanager
def handing(folder: Path) -> Iterator[Handing]:
    with opened(folder) as file:
        yield Handing(file)


def test_an_alarm_about_a_value_ends_where_its_share_was_left(tmp_path: Path) -> None:
    with handing(tmp_path) as old:
        old.send(0, HOT_C)
        old.end("s2", f"{SITE}/power", "application/7/#")
        assert old.active == ["hot@d1"], "another share"
        old.end(SITE)
        assert (old.active, old.told) == ([], ["raised hot@d1", "cleared hot@d1"])


def test_an_alarm_stays_where_the_device_is_in_another_share_than_its_site(tmp_path: Path) -> None:
    with handing(tmp_path) as old:
        old.streams.tenures.want({Share(topic="application/7/#"): "me", Share(site=SITE): "me"}, "me", NOW_MS)
        old.streams.meet_again(old.bed.devices["d1"], "application/7/device/1/event/up")
        old.send(0, HOT_C)
        old.end(SITE)
        assert old.active == ["hot@d1"]
        old.end("application/7/#")
        assert old.active == []


def test_a_silence_stays_where_it_was_told(tmp_path: Path) -> None:
    with handing(tmp_path) as leader:
        leader.bed.device("d1", registered("d1"))
        leader.streams.devices["d1"] = leader.bed.devices["d1"]
        leader.send(0, 20.0)
        leader.bed.alarms.replace_registry({"d1": registered("d1")}, NOW_MS)
        for _ in leader.bed.alarms.tick(NOW_MS + HOUR_MS, leader.bed.devices.values()):
            pass
        leader.commit()
        leader.end(SITE)
        leader.tell_again(SITE)
        assert (leader.active, leader.told) == (["device_silent@d1"], ["raised device_silent@d1"])


def test_an_alarm_of_the_new_gateway_is_told_once_more_behind_the_end_of_the_old_one(tmp_path: Path) -> None:
    with handing(tmp_path) as new:
        new.send(0, HOT_C)
        new.clock.at_ms = NOW_MS + 20 * MINUTE_MS
        new.tell_again("s2")
        new.tell_again(SITE)
        assert new.told == ["raised hot@d1", "raised hot@d1"]
        assert [document["at_ms"] for document in new.notices()] == [NOW_MS, NOW_MS + 20 * MINUTE_MS]
        assert len({document["since_ms"] for document in new.notices()}) == 1, "it is the same alarm"
        times_ms = [int(point.splitlines()[0].split()[-1]) for point in new.points]
        assert times_ms == [NOW_MS, NOW_MS + 20 * MINUTE_MS], "newer than the point of its end at the old one"
