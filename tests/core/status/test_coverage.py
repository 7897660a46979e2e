"""Coverage: who of the registered devices reports, per area and domain."""

from typing import Literal

from gateway.core.status.coverage import Count, CoverageGroup, Stand, coverage
from schemas.registry import RegisteredDevice

Domain = Literal["water", "power", "traffic", "urban"]


def device(name: str, area: str | None = None, domain: Domain | None = "water") -> RegisteredDevice:
    return RegisteredDevice(id=name, area=area, domain=domain)


def test_each_device_is_counted_once_under_its_area_and_domain() -> None:
    registered = [
        device("a", "A1"),
        device("b", "A1"),
        device("c", "A1", "power"),
        device("d", "A2"),
        device("e"),
        device("f"),
    ]
    met = {
        "a": Stand("online"),
        "b": Stand("silent"),
        "c": Stand("unknown"),
        "d": Stand("online"),
        "e": Stand("new"),
        "x": Stand("online", "power"),
        "y": Stand("silent"),
    }
    found = coverage(registered, met)
    assert found.groups == {
        CoverageGroup("A1", "water"): Count(2, 1, 1, 0, 0, 0),
        CoverageGroup("A1", "power"): Count(1, 0, 0, 0, 1, 0),
        CoverageGroup("A2", "water"): Count(1, 1, 0, 0, 0, 0),
        CoverageGroup(None, "water"): Count(2, 0, 0, 2, 0, 0),
        CoverageGroup(None, "power"): Count(0, 0, 0, 0, 0, 1),
        CoverageGroup(None, None): Count(0, 0, 0, 0, 0, 1),
    }
    assert list(found.groups)[:3] == [CoverageGroup("A1", "water"), CoverageGroup("A1", "power"), CoverageGroup("A2", "water")]
    assert found.domains["power"] == Count(1, 0, 0, 0, 1, 1)
    assert found.total == Count(6, 2, 1, 2, 1, 2)
    assert (found.total.unheard, round(found.total.share_pct or 0, 1)) == (3, 33.3)


def test_while_the_gateway_does_not_run_only_the_registered_are_known() -> None:
    found = coverage([device("a", "A1")], None)
    assert found.groups == {CoverageGroup("A1", "water"): Count(1)}
    assert found.total.share_pct is None


def test_an_eui_is_found_however_the_registry_writes_it() -> None:
    found = coverage([device("24-E1-24-13-6D-00-00-01", "A1")], {"24e124136d000001": Stand("online")})
    assert found.total == Count(1, 1, 0, 0, 0, 0)


def test_a_device_registered_without_a_domain_counts_where_it_is_heard() -> None:
    found = coverage([device("a", "A1", None)], {"a": Stand("online", "urban")})
    assert list(found.groups) == [CoverageGroup("A1", "urban")]


def test_nothing_registered_is_no_share_and_not_a_hundred_percent() -> None:
    assert coverage([], {}).total == Count(0, 0, 0, 0, 0, 0)
    assert coverage([], {}).total.share_pct is None
