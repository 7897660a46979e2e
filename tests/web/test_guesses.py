"""A client that guesses the token waits longer and longer; one that repeats an old token does not, and no other client does."""

import logging

import pytest

from gateway.web.people.sessions import Guesses
from tests.web.test_sessions import Clock


def guess(guesses: Guesses, number: int, address: str = "192.0.2.1") -> None:
    guesses.note(address, f"guess {number}".encode())


def test_after_five_wrong_tokens_each_further_one_makes_the_wait_longer() -> None:
    clock = Clock()
    guesses = Guesses(clock)
    waits = []
    for number in range(12):
        guess(guesses, number)
        waits.append(guesses.wait_s("192.0.2.1"))
        clock.now_s += waits[-1]
        assert guesses.wait_s("192.0.2.1") == 0
    assert waits == [0, 0, 0, 0, 10, 20, 40, 80, 160, 300, 300, 300]
    assert guesses.wait_s("192.0.2.2") == 0


def test_an_address_is_forgotten_a_while_after_its_last_guess() -> None:
    clock = Clock()
    guesses = Guesses(clock)
    for number in range(5):
        guess(guesses, number)
    clock.now_s += 900
    guess(guesses, 6)
    assert guesses.wait_s("192.0.2.1") == 0


def test_a_program_with_an_old_token_does_not_lock_out_its_neighbours() -> None:
    guesses = Guesses(Clock())
    for _ in range(100):
        guess(guesses, 1)
        guess(guesses, 2)
    assert guesses.wait_s("192.0.2.1") == 0


def test_the_last_five_wrong_tokens_are_no_new_guess_and_an_earlier_one_is() -> None:
    clock = Clock()
    guesses = Guesses(clock)
    for number in (*range(5), *range(5)):
        guess(guesses, number)
    assert guesses.wait_s("192.0.2.1") == 10
    clock.now_s += 10
    guess(guesses, 5)
    assert guesses.wait_s("192.0.2.1") == 20
    clock.now_s += 20
    guess(guesses, 1)
    assert guesses.wait_s("192.0.2.1") == 0
    guess(guesses, 0)
    assert guesses.wait_s("192.0.2.1") == 40, "six have passed since"


def test_what_is_shown_during_the_wait_makes_it_no_longer() -> None:
    guesses = Guesses(Clock())
    for number in range(500):
        guess(guesses, number)
    assert guesses.wait_s("192.0.2.1") == 10


def test_wrong_tokens_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    guesses = Guesses(clock)
    with caplog.at_level(logging.WARNING):
        for number in range(5000):
            guess(guesses, number, f"2001:db8:0:{number:x}::/64")
        assert [record.getMessage() for record in caplog.records] == ["wrong tokens over HTTP: 1 from 2001:db8:0:0::/64"]
        clock.now_s += 60
        guess(guesses, 0, "192.0.2.1")
    assert len(caplog.records) == 2
    assert caplog.records[1].getMessage().endswith("and others")


def test_the_table_of_addresses_is_bounded() -> None:
    guesses = Guesses(Clock())
    for number in range(5):
        guess(guesses, number)
    assert guesses.wait_s("192.0.2.1") == 10
    for number in range(1024):
        guess(guesses, 0, f"2001:db8:0:{number:x}::/64")
    assert guesses.wait_s("192.0.2.1") == 0, "it was forgotten for others"
