"""Batches: encoded once, and taken apart again line for line."""

import zlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.batching.batch import Batch, decode, encode, joined, packed, text_of
from gateway.core.message import Reading
from schemas.quantities import DOMAINS

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\n,"), min_size=1, max_size=30)


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    """A point of its domain, and sometimes one of device health behind it."""
    domain = draw(st.sampled_from(DOMAINS))
    health = f"\ndevice_health,{draw(TEXT)}" if draw(st.booleans()) else ""
    return Reading(f"{domain},{draw(TEXT)}{health}", domain)


@pytest.mark.parametrize("dense", [False, True], ids=["quick", "dense"])
@given(st.lists(readings(), max_size=30))
def test_a_body_is_taken_apart_into_the_readings_it_was_made_of(dense: bool, given_readings: list[Reading]) -> None:  # noqa: FBT001
    """The device health of a reading stays with it: a split must not part them."""
    body = encode(given_readings, dense=dense)
    assert [(reading.lines, reading.domain) for reading in decode(body)] == [
        (reading.lines, reading.domain) for reading in given_readings
    ]
    assert body.readings == len(given_readings)
    assert body.domains == Counter(reading.domain for reading in given_readings)


def test_two_readings_of_one_device_and_time_stay_two() -> None:
    """One of the domain, one of device health alone: nothing but the body's own account tells them from one reading."""
    apart = [Reading("water,device=d ph=7.0 5", "water"), Reading("device_health,device=d snr_db=1.0 5", "water")]
    assert [reading.lines for reading in decode(encode(apart))] == [reading.lines for reading in apart]


@pytest.mark.parametrize("dense", [False, True], ids=["quick", "dense"])
def test_a_body_is_gzip_of_lines_and_its_crc_finds_any_changed_byte(dense: bool) -> None:  # noqa: FBT001
    body = encode(
        [Reading("water,device=d ph=7.0 5", "water"), Reading("power,device=e frequency_hz=50.0 6", "power")], dense=dense
    )
    assert zlib.decompress(body.gzip, wbits=31) == b"water,device=d ph=7.0 5\npower,device=e frequency_hz=50.0 6"
    assert zlib.crc32(body.gzip) == body.crc
    for at in range(len(body.gzip)):
        changed = bytearray(body.gzip)
        changed[at] ^= 1
        assert zlib.crc32(changed) != body.crc


@given(st.lists(readings(), min_size=1, max_size=9), st.lists(readings(), min_size=1, max_size=9))
def test_bodies_are_joined_into_one_member_for_servers_that_read_no_further(one: list[Reading], other: list[Reading]) -> None:
    reader = zlib.decompressobj(wbits=31)
    text = reader.decompress(joined([encode(one, dense=True), encode(other)])).decode()
    assert reader.eof
    assert not reader.unused_data
    assert text == "\n".join(reading.lines for reading in one + other)


def test_a_body_that_is_alone_is_posted_as_it_stands() -> None:
    body = encode([Reading("water,device=d ph=7.0 5", "water")], dense=True)
    assert joined([body]) is body.gzip


def test_a_batch_is_encoded_once() -> None:
    """The same body is posted, stored and posted again."""
    batch = Batch()
    batch.add([Reading("water,device=d ph=7.0 5", "water")], 1.0)
    assert not batch.sealed
    assert batch.body is batch.body
    assert batch.sealed


def test_a_batch_keeps_account_of_arrivals_and_of_its_size() -> None:
    batch = Batch()
    reading = Reading("x" * 100, "water")
    sizes = [batch.add([reading], 1.0), batch.add([reading, reading], 2.5), batch.add([reading], 2.5)]
    assert batch.arrivals == {1.0: 1, 2.5: 3}
    assert batch.size_bytes == sum(sizes)
    assert sizes[1] == 2 * sizes[0]
    assert sizes[0] > 100


def test_a_dense_body_is_smaller() -> None:
    many = [Reading(f"water,device=d{number % 7} volume_m3={1000 + number / 8} {number}", "water") for number in range(500)]
    assert len(encode(many, dense=True).gzip) < len(encode(many).gzip)


def test_a_batch_is_itself_and_no_other_of_the_same_content() -> None:
    """Batches are kept in sets and looked for in queues."""
    assert len({Batch(), Batch()}) == 2


def test_a_batch_is_not_durable_when_it_begins() -> None:
    assert Batch().holds == 1


def test_what_was_added_is_what_is_encoded() -> None:
    batch = Batch()
    one, other = Reading("water,device=d ph=7.0 5", "water"), Reading("power,device=e frequency_hz=50.0 6", "power")
    batch.add([one], 1.0)
    batch.add([other], 1.0)
    assert batch.readings == [one, other]
    assert text_of(batch.body) == "water,device=d ph=7.0 5\npower,device=e frequency_hz=50.0 6"
    assert zlib.decompress(packed(["a", "b"]), wbits=31) == b"a\nb"
    assert decode(encode([])) == []
