"""Side effects of messages are carried out, and no message is acknowledged before its outcome is durable."""

import asyncio

import pytest

from gateway.core.message import WaitCause
from gateway.ingest.codecs.protocol import CodecAnswer
from schemas.rejects import RejectReason
from tests.core.making import NOW_MS
from tests.core.profiled import EUI, sent
from tests.core.sparkplug_payloads import FLOAT, LONG, M, payload
from tests.ingest.intake.side_effects_rig import NODES, PLAIN, RADIO, plain, radio, rig, until


def test_messages_are_acknowledged_in_order_of_receipt_when_all_before_them_are_durable() -> None:
    """The second is written while the codec of the first still thinks; its acknowledgement waits for the first."""

    async def story() -> None:
        async with rig() as gate:
            gate.come(radio("r1"))
            gate.come(plain("p2"))
            await until(lambda: gate.written == ["p2"])
            assert gate.acknowledged == []
            gate.codecs.answer()
            assert gate.acknowledged == []
            await until(lambda: gate.acknowledged)
            assert (gate.written, gate.acknowledged) == (["p2", "r1"], [1, 2])

    asyncio.run(story())


def test_what_came_before_a_message_that_asks_does_not_wait_for_it() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come(plain("p1"))
            gate.come(radio("r2"), plain("p3"))
            await until(lambda: gate.acknowledged == [1])
            gate.codecs.answer()
            await until(lambda: gate.acknowledged == [1, 2, 3])

    asyncio.run(story())


def test_an_answer_is_not_durable_before_influxdb_has_it() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.influxdb.opened.clear()
            gate.come(radio("r1"))
            gate.codecs.answer()
            for _ in range(20):
                await asyncio.sleep(0)
            assert gate.acknowledged == []
            gate.influxdb.opened.set()
            await until(lambda: gate.acknowledged == [1])

    asyncio.run(story())


def test_an_answer_may_land_in_the_batch_that_its_message_came_with() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.influxdb.opened.clear()
            gate.come(plain("p1"))  # its write flies; what comes now collects
            gate.come(radio("r2"), radio("r3"))
            gate.codecs.answer()
            gate.influxdb.opened.set()
            await until(lambda: gate.written == ["p1", "r2"])
            await until(lambda: gate.acknowledged == [1])
            gate.codecs.answer()
            await until(lambda: gate.acknowledged == [1, 2, 3])

    asyncio.run(story())


@pytest.mark.parametrize("behind", [1, 5, 60], ids="{}-unanswered".format)
def test_under_an_endless_stream_of_messages_that_ask_acknowledgements_leave(behind: int) -> None:
    """There is always a message whose codec thinks; each waits for its own answer only."""

    async def story() -> None:
        async with rig() as gate:
            for number in range(200):
                gate.come(radio("r1", number), plain("p1"))
                if number >= behind:
                    gate.codecs.answer()
                for _ in range(6):
                    await asyncio.sleep(0)
                await until(lambda answered=number - behind: len(gate.acknowledged) >= 2 * answered)  # type: ignore[misc]
            for _ in range(behind):
                gate.codecs.answer()
            await until(lambda: gate.acknowledged == list(range(1, 401)))

    asyncio.run(story())


def test_a_message_on_its_way_takes_memory_and_gives_it_back() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come(radio("r1"))
            assert gate.queue.memory_bytes > len(gate.codecs.asked[0].payload)
            gate.codecs.answer()
            await until(lambda: gate.acknowledged == [1])
            assert gate.queue.memory_bytes == 0

    asyncio.run(story())


def test_codecs_are_asked_once_for_all_that_came_together() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come(radio("r1"), radio("r2"))
            assert [call.codec for call in gate.codecs.asked] == ["c.js", "c.js"]
            for _ in range(2):
                gate.codecs.answer()
            await until(lambda: gate.acknowledged == [1, 2])

    asyncio.run(story())


def test_what_the_connection_owed_is_not_acknowledged_on_the_next_one() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come(radio("r1"))
            gate.acknowledger.disconnected()
            gate.acknowledger.connected(session_present=False)
            gate.codecs.answer()
            await until(lambda: gate.written == ["r1"])
            gate.come(plain("p2"))
            await until(lambda: gate.acknowledged == [2])

    asyncio.run(story())


def test_a_fault_of_a_codec_is_a_reject_and_acknowledged_when_that_is_kept() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come(radio(EUI))
            gate.codecs.answer(CodecAnswer(None, ["clock not set"], "TypeError"))
            await until(lambda: gate.rejects.refused)
            ((batch, (refusal,)),) = gate.rejects.refused
            assert (refusal.reason, refusal.domain) == (RejectReason.PROFILE_ERROR, "water")
            assert gate.events.codec_warnings["c.js"] == 1
            await asyncio.sleep(0)
            assert gate.acknowledged == []
            gate.ledger.settle("rejected", {refusal.domain: 1})
            gate.queue.release(batch)
            assert gate.acknowledged == [1]

    asyncio.run(story())


def test_a_message_whose_codec_is_suspended_is_acknowledged_when_it_is_in_quarantine() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come(radio(EUI))
            gate.codecs.answer(CodecAnswer(None, suspended=True))
            await asyncio.sleep(0)
            ((batch, (waits,)),) = gate.quarantine.kept
            assert (waits.cause, waits.key, waits.payload) == (WaitCause.CODEC, "c.js", radio(EUI).payload)
            assert (gate.ledger.pending["memory"], gate.acknowledged) == (1, [])
            gate.queue.release(batch)
            await until(lambda: gate.acknowledged == [1])

    asyncio.run(story())


def test_births_are_saved_before_their_message_is_acknowledged_and_what_waits_for_them_is_freed() -> None:
    async def story() -> None:
        async with rig(NODES) as gate:
            gate.come(sent(payload(M("bdSeq", 1, LONG, kind="Int64"), seq=0), "spBv1.0/g/NBIRTH/n"))
            gate.come(sent(payload(M("V", 230, FLOAT, alias=4, kind="Float"), seq=1), "spBv1.0/g/DBIRTH/n/m1"))
            assert [sorted(values) for values, _ in gate.kept_values.saved] == [["birth g/n"], ["birth g/n/m1"]]
            assert gate.keys.pop_all() == ["g/n", "g/n/m1"]
            await until(lambda: gate.written == ["m1"])
            assert gate.acknowledged == []
            for _, batch in gate.kept_values.saved:
                assert batch is not None
                gate.queue.release(batch)
            assert gate.acknowledged == [1, 2]

    asyncio.run(story())


def test_data_before_its_birth_waits_in_quarantine_and_its_node_is_asked() -> None:
    async def story() -> None:
        async with rig(NODES) as gate:
            gate.come(sent(payload(M(None, 230, FLOAT, alias=4), seq=1), "spBv1.0/g/DDATA/n/m1"))
            assert gate.broker.published == ["spBv1.0/g/NCMD/n"]
            ((batch, (waits,)),) = gate.quarantine.kept
            assert (waits.cause, waits.key) == (WaitCause.NO_BIRTH, "g/n/m1")
            gate.queue.release(batch)
            await until(lambda: gate.acknowledged == [1])

    asyncio.run(story())


# A message that comes out of quarantine.


def test_a_message_that_was_stored_goes_on_when_its_codec_has_answered() -> None:
    async def story() -> None:
        async with rig() as gate:
            task = asyncio.create_task(gate.replay(radio("r1"), NOW_MS - 5000))
            await until(lambda: gate.codecs.asked)
            assert gate.codecs.asked[0].received_ms == NOW_MS - 5000
            gate.codecs.answer()
            assert [reading.domain for reading in (await task).readings] == ["water"]

    asyncio.run(story())


def test_what_must_wait_again_is_left_to_the_caller() -> None:
    async def story() -> None:
        async with rig() as gate:
            task = asyncio.create_task(gate.replay(radio("r1"), NOW_MS))
            await until(lambda: gate.codecs.asked)
            gate.codecs.answer(CodecAnswer(None, suspended=True))
            side_effects = (await task).side_effects
            assert side_effects is not None
            assert [waits.key for waits in side_effects.waiting] == ["c.js"]
            assert gate.quarantine.kept == []

    asyncio.run(story())


def test_a_birth_that_was_stored_is_saved_and_frees_what_waits_for_it() -> None:
    async def story() -> None:
        async with rig(NODES) as gate:
            for verb in ("NBIRTH/n", "DBIRTH/n/m1"):
                message = sent(payload(M("V", 230, FLOAT, alias=4, kind="Float"), seq=0), f"spBv1.0/g/{verb}")
                await gate.replay(message, NOW_MS)
            assert [sorted(values) for values, _ in gate.kept_values.saved] == [["birth g/n"], ["birth g/n/m1"]]
            assert {batch for _, batch in gate.kept_values.saved} == {None}
            assert gate.keys.pop_all() == ["g/n", "g/n/m1"]

    asyncio.run(story())


def test_a_value_of_an_answer_that_is_no_number_is_dropped_and_counted() -> None:
    async def story() -> None:
        async with rig(RADIO.replace("ph: /codec/ph", "ph: /codec/ph, turbidity_ntu: /codec/t"), PLAIN) as gate:
            gate.come(radio("r1"))
            gate.codecs.answer(CodecAnswer({"ph": 7, "t": "?"}))
            await until(lambda: gate.acknowledged == [1])
            assert (gate.written, sum(gate.events.fields_dropped.values())) == (["r1"], 1)

    asyncio.run(story())
