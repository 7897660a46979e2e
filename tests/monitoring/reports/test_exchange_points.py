"""Exchanges stand in a database so that they can be read from there again."""

import pytest

from gateway.core.readings.sums import StoredExchange, ToldExchange
from gateway.ingest.database.store import Store
from gateway.monitoring.reports.stored_counters import exchange_lines, stored_exchanges
from schemas.registry import RegisteredDevice
from tests.monitoring.reports.points import DAY, HOUR, START
from tests.monitoring.reports.stores import Filled

REGISTERED = RegisteredDevice(id="m1", site="s1", area="north")
ALL = StoredExchange(ToldExchange(None, START), is_late=True)
ONE = StoredExchange(ToldExchange("volume_m3", START + HOUR, 0.0, 12.5), is_late=False)
OTHER = StoredExchange(ToldExchange("volume_reverse_m3", START + HOUR, 7.0), is_late=False)
LANE = StoredExchange(ToldExchange("vehicle_count_total,lane=2,vehicle_class=car", START, None, 3.0), is_late=True)
SAID = START + 3 * DAY


def test_an_exchange_stands_at_its_time_and_what_is_said_of_it_at_the_time_of_saying() -> None:
    assert exchange_lines("m1", REGISTERED, ALL, SAID).splitlines() == [
        f"event,area=north,device=m1,kind=exchange,site=s1 value=1.0 {START}",
        f"event,area=north,device=m1,kind=exchange_told,site=s1 at_ms={START}.0,final=-1.0,register=-1.0,late=1.0 {SAID}",
    ]
    (_, said) = exchange_lines("t1", None, LANE, SAID).splitlines()
    assert said.partition(" ")[0] == "event,device=t1,kind=exchange_told,lane=2,vehicle_class=car"
    assert "register_vehicle_count_total=3.0" in said


def stored(filled: Filled) -> dict[str, list[StoredExchange]]:
    async def asked(store: Store) -> dict[str, list[StoredExchange]]:
        return await stored_exchanges(store, {"m1", "t1", "old"}, SAID + DAY)

    return filled.ask(asked)


@pytest.mark.real
def test_exchanges_are_read_again_as_they_were_told_last(filled: Filled) -> None:
    filled.write([exchange_lines("m1", REGISTERED, one, SAID) for one in (OTHER, ONE, ALL)])
    filled.write([exchange_lines("t1", None, LANE, SAID), f"event,kind=restart value=1 {START}"])
    filled.write([f"event,device=old,kind=exchange value=1 {START}"])  # of an earlier version, which wrote no more
    assert stored(filled) == {"m1": [ALL, ONE, OTHER], "t1": [LANE]}
    again = StoredExchange(ToldExchange("volume_m3", START + HOUR), is_late=True)
    filled.write([exchange_lines("m1", REGISTERED, one, SAID + 1) for one in (again, ALL._replace(is_late=False))])
    assert stored(filled) == {"m1": [ALL._replace(is_late=False), again, OTHER], "t1": [LANE]}
