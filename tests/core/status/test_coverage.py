"""Coverage: who of the registered devices reports, per area and domain."""

from typing import Literal

from gateway.core.status.coverage import Count, CoverageGroup, Stand, coverage, coverage_document
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


def test_the_document_has_a_row_for_each_group_and_null_for_what_is_not_known() -> None:
    found = coverage([device("a", "A1"), device("b", "A1"), device("c")], {"a": Stand("online"), "b": Stand("new")})
    counts = {"reporting": 1, "silent": 0, "new": 1, "unknown": 0, "unregistered": 0}
    assert coverage_document(found, {"A1": "Ward 1"}) == {
        "groups": [
            {"area": "A1", "name": "Ward 1", "domain": "water", "registered": 2, **counts, "share_pct": 50.0},
            {"area": None, "name": None, "domain": "water", "registered": 1, **counts, "reporting": 0, "share_pct": 0.0},
        ],
        "domains": [{"domain": "water", "registered": 3, **counts, "new": 2, "share_pct": 33.33}],
        "total": {"registered": 3, **counts, "new": 2, "share_pct": 33.33},
    }
    unknown = dict.fromkeys((*counts, "share_pct"))
    assert coverage_document(coverage([device("a")], None), {})["total"] == {"registered": 1, **unknown}
    assert coverage([device("a")], None).total.unheard is None


def test_areas_and_domains_come_in_their_order_and_what_is_not_known_last() -> None:
    places: list[tuple[str | None, Domain | None]] = [(None, None), ("B", "urban"), ("B", "power"), ("A", None)]
    places += [(None, "water"), ("B", "water")]
    registered = [device(f"{number}", *place) for number, place in enumerate(places)]
    found = coverage(registered, {})
    assert [tuple(group) for group in found.groups] == [
        ("A", None),
        ("B", "water"),
        ("B", "power"),
        ("B", "urban"),
        (None, "water"),
        (None, None),
    ]
    assert list(found.domains) == ["water", "power", "urban", None]
