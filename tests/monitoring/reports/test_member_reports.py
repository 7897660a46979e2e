"""Reports of other gateways about themselves and their shares are read alike from both databases."""

import asyncio

import pytest

from gateway.core.devices.device import Device
from gateway.core.gateways.sharing import Share
from gateway.core.gateways.tenures import Stage, Tenures
from gateway.core.readings.line_protocol import escape_tag
from gateway.core.status.members import Home, MemberReport, Members
from gateway.ingest.database.store import Store, TimeSpan
from gateway.monitoring.reports.take_over import Claim, claim_line, tenants
from gateway.runtime.jobs.other_gateways import UNBROKEN, MemberWatch
from schemas.registry import RegisteredDevice
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS
from tests.monitoring.reports.stores import Filled

pytestmark = pytest.mark.real

SITES = {Share(site="s1"): "b", Share(site="s2"): "c", Share(site="s3"): "a", Share(site="s4"): "b"}


def own_point(gateway: str, at_ms: int, **fields: float) -> str:
    """The point of a gateway about itself; one that probes the database says less."""
    said = ",".join(f"{name}={value!r}" for name, value in ({"journal": 0.0} | fields).items())
    return f"gateway,gateway={escape_tag(gateway)} {said} {at_ms}"


def word(share: str, gateway: str, stage: Stage, at_ms: int) -> str:
    """The word of a gateway about a share."""
    return claim_line(share, gateway, Claim(stage, 0), at_ms)


def test_the_newest_report_of_each_gateway_counts_and_no_probe(filled: Filled) -> None:
    filled.write(
        [
            own_point("b", NOW_MS - 2 * MINUTE_MS, unbroken_s=7.5),
            own_point("b", NOW_MS - MINUTE_MS, unbroken_s=67.5),
            own_point("b", NOW_MS),
            own_point("c, d", NOW_MS, unbroken_s=0.0),
            own_point("long-gone", NOW_MS - HOUR_MS, unbroken_s=1.0),
        ]
    )
    found = filled.every(lambda store: store.newest_reports(UNBROKEN, TimeSpan(NOW_MS - HOUR_MS + 1, NOW_MS + 1)))
    assert sorted(found) == [("b", NOW_MS - MINUTE_MS, 67.5), ("c, d", NOW_MS, 0.0)]


def test_a_gateway_reads_a_share_since_it_last_took_it_over(filled: Filled) -> None:
    filled.write(
        [
            word("s1", "b", Stage.TAKING_OVER, NOW_MS - 9),
            word("s1", "b", Stage.HOLDING, NOW_MS - 8),
            word("s1", "c", Stage.TAKING_OVER, NOW_MS - 7),
            word("s1", "b", Stage.LEAVING, NOW_MS - 6),
            word("s2", "b", Stage.HOLDING, NOW_MS - 5),
            word("s2", "b", Stage.LEFT, NOW_MS - 4),
            word("s2", "b", Stage.TAKING_OVER, NOW_MS - 3),
            word("s2", "b", Stage.HOLDING, NOW_MS - 2),
        ]
    )
    found = filled.ask(lambda store: tenants(store, ["s1", "s2", "s3"], NOW_MS))
    assert {share: dict(told) for share, told in found.items()} == {
        "s1": {"b": None, "c": NOW_MS - 7},
        "s2": {"b": NOW_MS - 3},
    }


def test_the_watch_tells_who_may_hear_a_device_since_when(filled: Filled) -> None:
    members, tenures = Members(), Tenures()
    watch = MemberWatch(members, tenures, MINUTE_MS)
    tenures.want(SITES, "a", NOW_MS - 5)

    async def ask(store: Store) -> None:
        await watch.ask(store, NOW_MS)

    def homes() -> list[tuple[list[str], int | None]]:
        filled.ask(ask)
        found = [members.home_of(Device(site, RegisteredDevice(id=site, site=site))) for site in ("s1", "s2", "s3", "s4")]
        return [([member.name for member in home.members], home.since_ms) for home in found]

    filled.write([word("s2", "b", Stage.HOLDING, NOW_MS - 9), word("s4", "b", Stage.TAKING_OVER, NOW_MS - 8)])
    filled.write([own_point("b", NOW_MS - 1, unbroken_s=2.0)])
    assert homes() == [(["b"], 0), (["c"], None), ([], NOW_MS - 5), (["b"], NOW_MS - 8)], "c has not said that it reads s2"
    assert [member.name for member in members.missing(NOW_MS)] == [], "all may have been started just now"
    assert [member.name for member in members.missing(NOW_MS + HOUR_MS)] == ["b", "c"]
    filled.write([word("s2", "c", Stage.TAKING_OVER, NOW_MS - 4)])
    assert homes()[1] == (["c"], NOW_MS - 4)
    assert members.home_of(Device("d", RegisteredDevice(id="d", site="s1"))).told_ms(NOW_MS) == NOW_MS - 1


def test_who_shares_with_nobody_asks_nobody() -> None:
    members = Members()
    asyncio.run(MemberWatch(members, Tenures(), 0).ask(None, NOW_MS))  # type: ignore[arg-type]
    members.report({"b": MemberReport(NOW_MS, 0)})
    assert members.home_of(Device("d", None)) == Home()
