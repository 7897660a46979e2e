"""The core alone, in a process of its own: no broker, no database, no socket.

``python -P core_worker.py CONFIG MESSAGES WARM_UP [bare]``, with the tree to measure on ``PYTHONPATH``. It runs as a file, so
that a commit without such a module can be measured; a tree that has one is measured by its own, which knows its names.

MESSAGES is a JSON list of ``[arrival_ms, topic, payload]``; the first WARM_UP of them fill the windows of the devices.
``bare`` leaves sums and alarms out. Prints the CPU of a message, in ns, for each slice of the others.
"""

import gc
import json
import sys
import time
from collections import deque
from pathlib import Path

from gateway.core.message import StoredMessage
from gateway.core.readings.sums import SumsMode
from gateway.core.status.silence import Silence
from gateway.ingest.catalog import load_catalog
from gateway.runtime.pipeline.processing import build_alarms, build_processor
from gateway.support.config.model import Config

_SLICE = 1000
_WAITING = 2000
"""Readings that stay in memory as they do in a gateway, in batches: memory that is used again at once is cheaper."""


def main(config_file: str, messages_file: str, warm_up: int, *, bare: bool = False) -> None:
    """Process all messages; every one must become a reading."""
    config = Config.model_validate(json.loads(Path(config_file).read_text(encoding="utf-8")))
    given = json.loads(Path(messages_file).read_text(encoding="utf-8"))
    messages = [(StoredMessage(topic, payload.encode()), arrival_ms) for arrival_ms, topic, payload in given]
    sums, alarms = (SumsMode.OFF, None) if bare else (SumsMode.FROM_ZERO, build_alarms(config, Silence()))
    process = build_processor(config, load_catalog(config), sums=sums, alarms=alarms).process
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # as gateway.commands.run has it
    for message, arrival_ms in messages[:warm_up]:
        process(message, arrival_ms)
    costs_ns, waiting = [], deque[object](maxlen=_WAITING)
    for at in range(warm_up, len(messages), _SLICE):
        part = messages[at : at + _SLICE]
        began_ns = time.process_time_ns()
        readings = 0
        for message, arrival_ms in part:
            found = process(message, arrival_ms).readings
            readings += len(found)
            waiting += found
        costs_ns.append((time.process_time_ns() - began_ns) / len(part))
        if readings != len(part):
            raise SystemExit(f"of {len(part)} messages {readings} became readings")
    sys.stdout.write(json.dumps(costs_ns))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), bare=sys.argv[4:] == ["bare"])
