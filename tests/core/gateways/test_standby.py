"""The standby: one of two machines has the session, whatever breaks, and they do not take it from each other in turns."""

from random import Random
from typing import Final

import pytest

from gateway.core.gateways.standby import SETTLE_S, PairRole, Standby
from tests.core.gateways.standby_world import KEEP_ALIVE_S, STEP_S, World
from tests.examples import examples

LIVE, PASSIVE, OFFLINE = PairRole.LIVE, PairRole.PASSIVE, PairRole.OFFLINE
GONE_S: Final = 2 * KEEP_ALIVE_S


def synced(name: str = "b", *states: tuple[str, PairRole, int], retained: bool = True) -> Standby:
    """A machine that has heard what the broker retains, at 0 s."""
    standby = Standby(name, KEEP_ALIVE_S)
    for of, role, term in states:
        standby.heard(of, role, term, 0.0, retained=retained)
    standby.synced(0.0)
    return standby


def live(name: str = "a", term: int = 5) -> Standby:
    """A machine that is live, in this term."""
    standby = synced(name, ("other", OFFLINE, term - 1))
    assert standby.decide(0.0) is LIVE
    standby.forgotten("other")
    return standby


def test_a_machine_alone_is_live_once_it_knows_that_it_is_alone() -> None:
    standby = Standby("a", KEEP_ALIVE_S)
    assert standby.decide(1000.0) is PASSIVE
    standby.synced(1000.0)
    assert standby.decide(1000.0) is LIVE


def test_a_will_has_the_standby_take_over_at_once_in_a_new_term() -> None:
    standby = synced("b", ("a", LIVE, 7))
    assert standby.decide(5.0) is PASSIVE
    standby.heard("a", OFFLINE, 0, 5.0, retained=False)
    assert standby.decide(5.0) is LIVE
    assert standby.term == 8


def test_a_live_machine_that_says_nothing_any_more_is_gone_without_a_will() -> None:
    standby = synced("b", ("a", LIVE, 7))
    assert standby.decide(GONE_S - 0.1) is PASSIVE
    assert standby.decide(GONE_S) is LIVE


@pytest.mark.parametrize(
    ("rival", "then"),
    [
        pytest.param(("b", LIVE, 6), PASSIVE, id="a later term"),
        pytest.param(("b", LIVE, 4), LIVE, id="an earlier term, which a broker that crashed remembered"),
        pytest.param(("b", LIVE, 5), LIVE, id="the same term, and a name behind"),
        pytest.param(("0", LIVE, 5), PASSIVE, id="the same term, and a name before"),
        pytest.param(("b", PASSIVE, 6), LIVE, id="passive"),
    ],
)
@pytest.mark.parametrize("retained", [False, True])
def test_a_live_machine_stands_back_for_a_live_one_of_a_later_term(
    rival: tuple[str, PairRole, int],
    then: PairRole,
    *,
    retained: bool,
) -> None:
    standby = live("a", term=5)
    standby.heard(*rival, 1.0, retained=retained)
    assert standby.decide(1.0) is then
    assert standby.may_open is (then is LIVE)


def test_a_live_machine_that_cannot_reach_the_broker_opens_nothing_and_stands_back_in_time() -> None:
    standby = live()
    standby.lost(10.0)
    assert not standby.may_open
    assert standby.decide(10.0 + GONE_S - 0.1) is LIVE
    assert standby.decide(10.0 + GONE_S) is PASSIVE


def test_a_live_machine_whose_session_is_open_reaches_the_broker_without_its_watch() -> None:
    standby = live()
    standby.lost(10.0)
    standby.reached(30.0)
    assert standby.decide(30.0 + GONE_S - 0.1) is LIVE
    assert standby.decide(30.0 + GONE_S) is PASSIVE


@pytest.mark.parametrize(
    ("told", "awaited"),
    [pytest.param(None, ["a"], id="never told"), pytest.param(3, ["a"], id="some"), pytest.param(0, [], id="empty")],
)
def test_the_journal_of_another_machine_is_awaited_until_it_is_known_to_be_empty(told: int | None, awaited: list[str]) -> None:
    standby = synced("b", ("a", LIVE, 1))
    standby.journal_told("b", 7)  # its own is no secret to it
    if told is not None:
        standby.journal_told("a", told)
    standby.lost(5.0)
    assert standby.awaited_journals == awaited
    standby.forgotten("a")
    assert not standby.awaited_journals


def test_of_two_passive_machines_the_first_by_name_takes_the_session_after_a_pause() -> None:
    first, second = synced("a", ("b", PASSIVE, 3), retained=False), synced("b", ("a", PASSIVE, 3), retained=False)
    assert first.decide(SETTLE_S - 0.1) is second.decide(SETTLE_S) is PASSIVE
    assert first.decide(SETTLE_S) is LIVE


def test_after_the_broker_was_away_the_live_machine_gets_time_to_come_back() -> None:
    standby = synced("b", ("a", LIVE, 7))
    standby.lost(1.0)
    standby.synced(2.0)  # the broker has forgotten all that it retained
    assert standby.decide(2.0 + SETTLE_S - 0.1) is PASSIVE
    assert standby.decide(2.0 + SETTLE_S) is LIVE


def test_a_machine_that_comes_back_goes_on_with_the_terms_of_before() -> None:
    standby = synced("a", ("a", LIVE, 9), ("b", OFFLINE, 0))
    assert standby.decide(0.0) is LIVE
    assert standby.term == 10


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_machine_that_comes_back_leaves_the_session_where_it_is(name: str) -> None:
    world = started()
    (holder,) = world.live()
    world.kill(holder)
    run(world, 2.0)
    standby = world.holder
    assert standby not in {None, holder}
    world.start(name if name == holder else holder)
    run(world, 200.0)
    assert world.holder == standby
    assert world.moves == 1


def test_two_that_start_at_once_do_not_fight() -> None:
    for seed in range(examples(30)):
        world = started(seed)
        run(world, 60.0)
        assert len(world.live()) == 1, seed
        assert world.moves == 0, seed


def test_whatever_breaks_one_machine_is_live_soon_after_and_the_session_rests() -> None:
    for seed in range(examples(60)):
        world = started(seed)
        faults = 0
        for _ in range(8):
            faults += break_something(world)
            run(world, world.random.uniform(0.1, 40.0))
        mend(world)
        run(world, GONE_S + KEEP_ALIVE_S)
        assert len(world.live()) == 1, seed
        assert world.live() == [world.holder], seed
        assert world.moves <= faults + 8, seed  # what is mended moves it too
        assert world.both_live_s <= (faults + 8) * (GONE_S + 1.0), seed
        moves = world.moves
        run(world, 10 * GONE_S)
        assert world.moves == moves, seed


def test_a_machine_that_is_cut_off_stands_back_and_the_other_is_live_within_two_keep_alives() -> None:
    for seed in range(examples(20)):
        world = started(seed)
        run(world, 10.0)
        (cut,) = world.live()
        world.machines[cut].cut = True
        run(world, GONE_S)
        assert world.holder is not None, seed
        assert world.holder != cut, seed
        run(world, GONE_S)
        assert cut not in world.live(), seed
        world.machines[cut].cut = False
        run(world, 100.0)
        assert world.moves == 1, seed


def started(seed: int = 0) -> World:
    world = World(Random(seed))  # noqa: S311 - the same every time
    world.start("a")
    world.start("b")
    run(world, 10.0)
    return world


def run(world: World, seconds: float) -> None:
    for _ in range(round(seconds / STEP_S)):
        world.step()


def break_something(world: World) -> int:
    name = world.random.choice("ab")
    machine = world.machines[name]
    match world.random.randrange(7):
        case 0:
            world.kill(name)
        case 1:
            world.stop(name)
        case 2:
            machine.frozen = not machine.frozen
        case 3:
            machine.cut = not machine.cut
        case 4 if world.broker_up:
            world.crash_broker()
        case 5:
            world.on_disk = dict(world.retained)
        case _:
            mend(world)
    return 1


def mend(world: World) -> None:
    if not world.broker_up:
        world.restart_broker()
    for name, machine in list(world.machines.items()):
        machine.frozen = machine.cut = False
        if not machine.running:
            world.start(name)


def test_a_machine_that_was_taken_out_is_not_waited_for() -> None:
    standby = synced("b", ("a", LIVE, 7), ("c", PASSIVE, 7))
    assert (standby.live_others, standby.awaited_journals, standby.has_reserve(0.0)) == (["a"], ["a", "c"], True)
    standby.forgotten("a")
    assert (standby.live_others, standby.awaited_journals) == ([], ["c"])
    standby.forgotten("c")
    assert (standby.awaited_journals, standby.has_reserve(0.0)) == ([], False)
    assert not synced("b", ("a", LIVE, 7)).has_reserve(0.0)


def test_a_live_machine_does_not_yield_to_the_memory_of_an_earlier_term() -> None:
    standby = live("b", 5)
    standby.heard("a", LIVE, 4, 1.0, retained=True)
    assert standby.decide(1.0) is LIVE, "whatever its name"
