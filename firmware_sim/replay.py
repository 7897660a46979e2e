"""A recorded day published again: the rows that ``gateway decode --jsonl`` reads, in their order, at their pace or faster.

``{"topic": "...", "payload": JSON or text | "payload_hex": "..." | "payload_base64": "...", "retain": B, "arrival_ms": n}``.
Payloads are sent as they were; a row without ``arrival_ms`` follows the one before it at once.
"""

import asyncio
import base64
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from firmware_sim.outgoing import OutgoingMessage
from firmware_sim.progress import TallyDisplay
from firmware_sim.publish import Account, BrokerAccess, FateTally
from firmware_sim.shared_link import SharedLink

REACH_S: Final = 10.0
DRAIN_S: Final = 10.0
MOST_WAITING: Final = 2_000
PAUSE_S: Final = 0.001
YIELD_EVERY: Final = 32


class BadRecording(Exception):  # noqa: N818 - it says what the file is
    """A file that is no recording; the text names the line."""


class ReplayRow(NamedTuple):
    """One row.

    :ivar at_ms: when it arrived at the gateway; None: it is not known.
    """

    at_ms: int | None
    message: OutgoingMessage


def recorded(path: Path) -> Iterator[ReplayRow]:
    """Yield the rows of a file.

    :raises BadRecording: at the first line that is no row.
    :raises OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield _row(json.loads(line))
                except (ValueError, TypeError, KeyError) as error:
                    what = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
                    raise BadRecording(f"{path}:{number}: no row of a recording: {what}") from None


def _row(row: dict[str, Any]) -> ReplayRow:
    topic, at_ms = row["topic"], row.get("arrival_ms")
    if not isinstance(topic, str) or not topic or set("+#\0") & set(topic):
        raise ValueError(f"{topic!r} is not a topic")
    if at_ms is not None and type(at_ms) is not int:
        raise ValueError("arrival_ms is a whole number of milliseconds")
    return ReplayRow(at_ms, OutgoingMessage(topic, "messages", _payload(row), (b"",), retain=row.get("retain") is True))


def _payload(row: dict[str, Any]) -> bytes:
    if "payload_hex" in row:
        return bytes.fromhex(row["payload_hex"])
    if "payload_base64" in row:
        return base64.b64decode(row["payload_base64"], validate=True)
    payload = row["payload"]
    return payload.encode() if isinstance(payload, str) else json.dumps(payload, separators=(",", ":")).encode()


def replay(path: Path, broker: BrokerAccess, speed: float) -> int:
    """Publish a recording; the exit status: 0, 1 when not all was acknowledged, 3 when the broker was not reached.

    :param speed: so many times faster than it came; 0: as fast as the broker takes it.
    :raises BadRecording: a line is no row; what stands before it is sent.
    :raises OSError: the file cannot be read.
    """
    next(recorded(path), None)  # a wrong file is told before a broker is looked for
    return asyncio.run(_replay(path, broker, speed))


async def _replay(path: Path, broker: BrokerAccess, speed: float) -> int:
    tally = FateTally()
    link = SharedLink("sim-replay", broker, Account(tally, lambda *_: None, limit=2 * MOST_WAITING))
    connection = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(REACH_S):
            await link.connected.wait()
    except TimeoutError:
        connection.cancel()
        sys.stderr.write(f"firmware-sim: broker {broker} not reachable: {link.trouble or 'no answer'}\n")
        return 3
    sending = asyncio.create_task(_send(path, link, tally, speed))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, sending.cancel)
    progress = TallyDisplay(tally, [link])
    showing = asyncio.create_task(progress.show())
    try:
        with suppress(asyncio.CancelledError):
            await sending
    finally:
        link.close()
        await asyncio.wait([connection], timeout=DRAIN_S)
        connection.cancel()
        showing.cancel()
        progress.end(asyncio.get_running_loop().time() - progress.began_s)
    return 1 if tally.waiting or tally.lost else 0


async def _send(path: Path, link: SharedLink, tally: FateTally, speed: float) -> None:
    loop = asyncio.get_running_loop()
    began_s, first_ms = loop.time(), None
    for number, (at_ms, message) in enumerate(recorded(path)):
        if at_ms is not None and speed:
            first_ms = at_ms if first_ms is None else first_ms
            await asyncio.sleep(began_s + (at_ms - first_ms) / 1000 / speed - loop.time())
        elif number % YIELD_EVERY == 0:
            await asyncio.sleep(0)
        while tally.waiting > MOST_WAITING:  # noqa: ASYNC110 - the connection counts it down, message by message
            await asyncio.sleep(PAUSE_S)
        link.put(message)
