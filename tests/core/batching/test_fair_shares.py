"""Fair shares: a device that sends far more than the others floods; a codec that takes too long delays no others."""

from collections.abc import Iterable
from math import exp
from random import Random

import pytest

from gateway.core.batching.fair_shares import PATIENCE_S, CodecBackpressure, Flood, Floods, to_give_up


def topic(device: str) -> str:
    return f"iot/v1/s/water/{device}/readings"


def looked(messages: Iterable[str], *, together: int, seconds: float = 2.0) -> list[Flood]:
    """Return the floods found when these devices' messages come in chunks of ``together``, in a random order."""
    shares, devices = Floods(), list(messages)
    Random(5).shuffle(devices)  # noqa: S311 - a test
    for at in range(0, len(devices), together):
        chunk = devices[at : at + together]
        shares.count(topic(chunk[-1]), len(chunk))
    return shares.find(seconds)


def fleet(devices: int, messages: int) -> list[str]:
    return [f"q{number}" for number in range(devices)] * messages


@pytest.mark.parametrize("together", [1, 10, 60], ids=lambda together: f"chunks-of-{together}")
def test_one_that_sends_ten_times_as_much_as_a_thousand_others_is_named_with_its_rate(together: int) -> None:
    (flood,) = looked(["mad"] * 20_000 + fleet(1000, 2), together=together)
    assert flood.who == "device mad"
    assert flood.per_s == pytest.approx(10_000, rel=0.1)
    assert flood.share == pytest.approx(10 / 11, rel=0.1)
    assert flood.describe().startswith("device mad sends about ")


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param(fleet(1000, 2), id="a-fleet-in-step"),
        pytest.param([*fleet(1000, 2), *["busy"] * 180], id="90-a-second-are-no-flood"),
        pytest.param([*fleet(1000, 10), *["busy"] * 900], id="less-than-a-tenth-of-all"),
        pytest.param([*fleet(10, 50), *["busy"] * 900], id="18-times-the-others"),
        pytest.param(["only"] * 20_000, id="where-there-are-no-others-nobody-is-starved"),
        pytest.param([], id="nothing"),
    ],
)
def test_nobody_is_named_without_reason(messages: list[str]) -> None:
    assert looked(messages, together=1) == []


def test_a_chunk_of_a_thousand_makes_no_flood_of_the_device_that_was_last_in_it() -> None:
    """After a pause the broker hands over much at once."""
    shares = Floods()
    shares.count(topic("last"), 1000)
    for number in range(100):
        shares.count(topic(f"q{number}"), 1)
    assert shares.find(2.0) == []


def test_a_dozen_large_chunks_make_no_flood_either() -> None:
    shares = Floods()
    for number in range(200):
        shares.count(topic(f"q{number}"), 1)
    for _ in range(12):
        shares.count(topic("chance"), 200)
    assert shares.find(2.0) == []


def test_several_that_flood_are_named_the_worst_first() -> None:
    floods = looked([*["bad"] * 2000, *["worse"] * 4000, *fleet(1000, 2)], together=10)
    assert [flood.who for flood in floods] == ["device worse", "device bad"]


def test_each_look_counts_anew() -> None:
    shares = Floods()
    for number in range(1000):
        shares.count(topic("mad"), 10)
        shares.count(topic(f"q{number}"), 1)
    assert shares.find(2.0)
    for number in range(1000):
        shares.count(topic(f"q{number}"), 1)
    assert shares.find(2.0) == []


def test_a_flood_of_topics_does_not_fill_the_memory_and_hides_nobody_met_before() -> None:
    shares = Floods()
    for number in range(30_000):
        shares.count(topic(f"n{number}"), 1)
        shares.count(topic("mad"), 9)
    assert [flood.who for flood in shares.find(2.0)] == ["device mad"]


@pytest.mark.parametrize(("behind", "named"), [(15_000, ["device mad"]), (20_000, [])])
def test_a_look_knows_the_newest_20_000_messages_and_no_more(behind: int, named: list[str]) -> None:
    shares = Floods()
    for topics in (["mad"] * 3_000, [f"n{number}" for number in range(behind)]):
        for device in topics:
            shares.count(topic(device), 1)
    assert [flood.who for flood in shares.find(2.0)] == named


def test_a_topic_that_tells_no_device_is_named_itself() -> None:
    assert Flood("application/7/up", 500.0, 0.5).who == "topic application/7/up"


LATE_S = 2 * PATIENCE_S


def asked(backlog: CodecBackpressure, codec: str, times: int, at_s: float = 0.0) -> list[int]:
    return [backlog.ask(codec, at_s) for _ in range(times)]


def test_a_burst_is_asked_whole() -> None:
    backlog = CodecBackpressure()
    asked(backlog, "a", 5000)
    assert backlog.may_ask("a", PATIENCE_S)


def test_a_codec_whose_questions_wait_too_long_is_not_asked_until_it_has_answered_them_all() -> None:
    backlog = CodecBackpressure()
    first, second = asked(backlog, "a", 2)
    assert not backlog.may_ask("a", LATE_S)
    assert not backlog.answered(first)
    assert not backlog.may_ask("a", LATE_S)
    assert backlog.answered(second)
    assert backlog.may_ask("a", LATE_S)


def test_one_that_is_seldom_asked_does_not_pay_for_another() -> None:
    backlog = CodecBackpressure()
    many, few = asked(backlog, "slow", 100), asked(backlog, "sound", 3)
    assert backlog.may_ask("sound", LATE_S)
    assert not backlog.may_ask("slow", LATE_S)
    assert not any(map(backlog.answered, few)), "it never was behind"
    assert [backlog.answered(number) for number in many].count(True) == 1


def test_a_codec_that_nobody_asks_may_be_asked() -> None:
    backlog = CodecBackpressure()
    asked(backlog, "slow", 100)
    assert backlog.may_ask("other", LATE_S)


@pytest.mark.parametrize(
    ("busy", "others", "seconds", "found"),
    [
        pytest.param(1000, 50, 10.0, True, id="100-a-second"),
        pytest.param(999, 49, 10.0, False, id="99-a-second"),
        pytest.param(1000, 51, 10.0, False, id="not-twenty-times-the-others"),
    ],
)
def test_a_flood_is_a_hundred_a_second_and_twenty_times_the_others(
    busy: int,
    others: int,
    seconds: float,
    found: bool,  # noqa: FBT001
) -> None:
    shares = Floods()
    for name, number in (("busy", busy), *((f"q{other}", others) for other in range(3))):
        for _ in range(number):
            shares.count(topic(name), 1)
    assert [flood.device for flood in shares.find(seconds)] == ["busy"] * found


def test_a_codec_without_calls_has_no_share_of_the_queue() -> None:
    backpressure = CodecBackpressure()
    done = backpressure.ask("done", 0.0)
    for codec in ("slow", "slow", "quick"):
        backpressure.ask(codec, 0.0)
    assert backpressure.may_ask("quick", PATIENCE_S), "the head has not waited too long"
    assert not backpressure.answered(done)
    assert backpressure.may_ask("quick", PATIENCE_S + 0.01), "one of three calls is less than a half"
    assert not backpressure.may_ask("slow", PATIENCE_S + 0.01)


KB = 1000


def heavy(shares: Floods, *looks: dict[str, int], seconds: float = 1.0) -> list[list[str]]:
    """The devices named in each look, each of which sends one message of so many bytes in it."""
    named = []
    for look in looks:
        for name, size_bytes in look.items():
            shares.count(topic(name), 1, size_bytes)
        named.append([flood.device for flood in shares.find(seconds) if flood.bytes_per_s])
    return named


def test_one_that_sends_few_large_messages_is_named_by_its_bytes_however_many_others_send() -> None:
    shares = Floods()
    for _ in range(4):
        shares.count(topic("mad"), 1, 240 * KB)
    for number in range(5000):
        shares.count(topic(f"q{number}"), 1, 200)
    (flood,) = shares.find(2.0)
    assert flood.device == "mad"
    assert flood.bytes_per_s == pytest.approx(480 * KB * (1 - exp(-2 / 8)))
    assert flood.describe() == "device mad sends about 106 kB a second: check the device"


def test_forty_that_flood_alike_are_all_named_with_few_honest_ones_beside() -> None:
    flooders = {f"f{number}": 480 * KB for number in range(40)}
    (named,) = heavy(Floods(), flooders | {"q": 200})
    assert set(named) == set(flooders)


def test_what_a_connection_is_held_back_to_is_named_and_stays_named_until_it_ends() -> None:
    """64 kB a second, as `deploy/nftables` lets through, in messages of 240 kB."""
    every_four_s = [{"f": 240 * KB}, {}, {}, {}]
    ends: list[dict[str, int]] = [{}] * 16
    named = heavy(Floods(), {"f": 480 * KB}, *every_four_s * 20, *ends)
    assert named[:81] == [["f"]] * 81
    assert named[-1] == []


def test_a_backlog_of_a_day_sent_at_once_is_no_flood_and_neither_is_a_large_message_every_eight_seconds() -> None:
    assert heavy(Floods(), {"meter": 1440 * 160}, {"meter": 160}, {"meter": 160}) == [[], [], []]
    assert heavy(Floods(), *[{"camera": 240 * KB}, *[{}] * 7] * 20) == [[]] * 160


def test_one_large_message_among_many_small_ones_stands_for_itself() -> None:
    shares = Floods()
    shares.count(topic("once"), 700, 100 * KB)
    assert shares.find(1.0) == []
    for _ in range(5):
        shares.count(topic("often"), 700, 100 * KB)
    assert [flood.device for flood in shares.find(1.0)] == ["often"]


def test_who_holds_the_most_gives_up_one_by_one_until_there_is_room() -> None:
    assert to_give_up({"a": 2, "b": 3}, 5) == {}
    assert to_give_up({"a": 1, "greedy": 9}, 5) == {"greedy": 5}
    assert to_give_up({"a": 5, "b": 7, "c": 1}, 7) == {"b": 4, "a": 2}
    assert to_give_up({}, 0) == {}
