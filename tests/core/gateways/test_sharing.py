"""Sites are shared out evenly, the same on every machine, and a change of gateways moves little."""

import random

import pytest

from gateway.core.gateways.sharing import Share, assign, filters_of, loads_of, overlap, routing_key
from tests.rows import each_row

SEEDS = range(12)


def province(seed: int, sites: int = 200) -> list[Share]:
    """Sites of very different sizes, none of which is a quarter of a gateway's part."""
    chance = random.Random(seed)  # noqa: S311 - the same in every run
    return [Share(site=f"ward-{seed}-{number}", weight=chance.lognormvariate(0, 0.5)) for number in range(sites)]


def gateways(count: int) -> list[str]:
    return [f"gateway-{number}" for number in range(1, count + 1)]


def moved(shares: list[Share], before: list[str], after: list[str]) -> float:
    """The part of all readings that changes its gateway."""
    one, other = assign(shares, before), assign(shares, after)
    return sum(share.weight for share in shares if one[share] != other[share]) / sum(share.weight for share in shares)


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_each_gateway_has_its_part_of_the_readings_within_15_percent(count: int) -> None:
    for seed in SEEDS:
        loads = loads_of(assign(province(seed), gateways(count)), gateways(count))
        assert all(abs(load * count - 1) < 0.15 for load in loads.values()), (seed, loads)


def test_neither_the_order_of_the_list_nor_a_restart_moves_a_site() -> None:
    shares = province(1)
    shuffled = sorted(shares, key=lambda share: share.weight)
    assert assign(shares, gateways(4)) == assign(shuffled, ["gateway-3", "gateway-1", "gateway-4", "gateway-2"])


def test_the_gateway_of_a_site_is_the_same_in_every_release() -> None:
    """Another hash would move half a province at an upgrade."""
    assigned = assign([Share(site=f"ward-{number}") for number in range(8)], gateways(2))
    assert "".join(whose[-1] for whose in assigned.values()) == "21121122"


def test_one_gateway_more_takes_about_its_own_part_and_one_less_leaves_about_its_own() -> None:
    more = [moved(province(seed), gateways(4), gateways(5)) for seed in SEEDS]
    less = [moved(province(seed), gateways(5), gateways(5)[:2] + gateways(5)[3:]) for seed in SEEDS]
    for parts in (more, less):
        assert sum(parts) / len(parts) < 1.3 / 5, parts
        assert max(parts) < 1.6 / 5, parts


def test_what_is_pinned_stays_where_it_is_and_the_others_make_room() -> None:
    shares = province(3)
    pinned = [Share(site=share.site, weight=share.weight, gateway="gateway-2") for share in shares[:60]]
    assigned = assign([*pinned, *shares[60:]], gateways(3))
    assert {assigned[share] for share in pinned} == {"gateway-2"}
    assert all(abs(load * 3 - 1) < 0.15 for load in loads_of(assigned, gateways(3)).values())


def test_a_share_larger_than_a_part_leaves_the_others_even_among_themselves() -> None:
    giant = Share(site="city", weight=1000)
    assigned = assign([giant, *province(4)], gateways(3))
    loads = loads_of(assigned, [name for name in gateways(3) if name != assigned[giant]])
    one, other = loads.values()
    assert abs(one - other) < 0.3 * one


@pytest.mark.parametrize(
    ("share", "filters"),
    [
        (Share(site="ward-1"), ("iot/v1/ward-1/+/+/readings", "iot/v1/ward-1/+/+/status")),
        (Share(site="ward-1", domain="water"), ("iot/v1/ward-1/water/+/readings", "iot/v1/ward-1/water/+/status")),
        (Share(group="xa-tan-an"), ("spBv1.0/xa-tan-an/#",)),
        (Share(topic="application/7/#"), ("application/7/#",)),
    ],
)
def test_a_share_is_read_by_its_own_topic_filters(share: Share, filters: tuple[str, ...]) -> None:
    assert filters_of(share) == filters


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("iot/v1/ward-1/+/+/readings", "iot.v1.ward-1.*.*.readings"),
        ("application/7/#", "application.7.#"),
        ("spBv1.0/xa-tan-an/#", "spBv1___0.xa-tan-an.#"),
    ],
)
def test_a_routing_key_is_that_of_rabbitmq(pattern: str, key: str) -> None:
    assert routing_key(pattern) == key


@each_row(
    ("one", "other", "both"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+/c", "+/b/+", True),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("#", "a/b", True),
        ("a/b/#", "a/+", True),
        ("a/b/c/#", "a/+", False),
        ("a/b", "a/c", False),
        ("a/b", "a/b/c", False),
        ("application/7/#", "application/8/#", False),
    ],
)
def test_filters_overlap_if_a_topic_matches_both(one: str, other: str, *, both: bool) -> None:
    assert overlap(one, other) is both
    assert overlap(other, one) is both


def test_shares_move_from_the_heaviest_gateway_as_in_every_release() -> None:
    assert "".join(whose[-1] for whose in assign(province(5, 24), gateways(3)).values()) == "333311122212132131313322"
    assert "".join(whose[-1] for whose in assign(province(8, 24), gateways(4)).values()) == "124342434314211312411212"


def test_a_share_that_is_all_there_is_stays() -> None:
    (whose,) = assign([Share(site="ward-1")], gateways(2)).values()
    assert whose in gateways(2)
    assert loads_of({}, gateways(2)) == {"gateway-1": 0.0, "gateway-2": 0.0}
    assert filters_of(Share()) == ("",)
