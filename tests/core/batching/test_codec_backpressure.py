"""A codec that is asked more than it can answer holds up nobody but its own devices."""

from gateway.core.batching.fair_shares import PATIENCE_S, CodecBackpressure

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
