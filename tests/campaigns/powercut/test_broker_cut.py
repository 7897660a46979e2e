"""The broker's files after a power cut: its queue is always a whole save, its accounts not on every file system."""

import json
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.campaigns.powercut.broker_loss import Absent, configured, publish_many
from tests.campaigns.powercut.recorded_disk import Operation
from tests.campaigns.powercut.replay import Image, Platter, lay_down, seeded
from tests.campaigns.powercut.traced_broker import STRACE, operations, tell, traced, version
from tests.deploy.set_up import SetUpBroker
from tests.waiting import until

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(STRACE is None, reason="strace is missing"),
]

QUEUE, ACCOUNTS = "mosquitto.db", "dynamic-security.json"
IN_PLACE = (2, 0, 11)
MESSAGES, SAVES, TORN = 40, 4, 20


def images(done: list[Operation], begins_with: Image, random: Random) -> Iterator[Image]:
    """Yield what a power cut may leave after each operation."""
    platter = Platter(begins_with)
    for operation in done:
        platter.do(operation)
        yield platter.written()
        yield from (platter.torn(random) for _ in range(TORN))


def after_kills(done: list[Operation], begins_with: Image) -> Iterator[Image]:
    """Yield what is there if the broker alone is killed after each operation."""
    platter = Platter(begins_with)
    for operation in done:
        platter.do(operation)
        yield platter.written()


def renames(trace: Path, folder: Path, name: str) -> int:
    return sum(one.kind == "rename" and one.data.decode() == name for one in operations(trace, folder))


def test_a_power_cut_leaves_a_whole_save_of_the_queue(tmp_path: Path) -> None:
    broker, trace = configured(tmp_path / "broker", ["autosave_interval 86400"], tuned=True), tmp_path / "trace"
    data = tmp_path / "broker" / "mosquitto-data"
    traced(broker, trace)
    with broker:
        with Absent(broker).here():
            pass
        for save in range(1, SAVES + 1):
            publish_many(broker, save * MESSAGES, MESSAGES)
            tell(broker, signal.SIGUSR1)
            until(lambda save=save: renames(trace, data, QUEUE) == save)
        done = operations(trace, data)
        tell(broker, signal.SIGKILL)
        broker.kill()
    saves = list(dict.fromkeys(image[QUEUE] for image in after_kills(done, {}) if QUEUE in image))
    assert len(saves) == SAVES
    found = {image[QUEUE] for image in images(done, {}, seeded(1)) if QUEUE in image}
    assert found == set(saves), "never a part of one, and each may be the last that the folder shows"
    for number, saved in enumerate(saves, start=1):
        assert_waits(tmp_path / str(number), saved, range(MESSAGES, (number + 1) * MESSAGES))


def assert_waits(folder: Path, saved: bytes, numbers: Iterable[int]) -> None:
    """Check that a broker which starts on a save has these messages."""
    broker = configured(folder, [], tuned=True)
    lay_down({QUEUE: saved}, folder / "mosquitto-data")
    absent = Absent(broker)
    with broker, absent.here():
        until(lambda: len(absent.heard) >= len(list(numbers)))
    assert sorted(map(int, absent.heard)) == list(numbers)


def test_a_kill_while_accounts_change_leaves_a_file_that_can_be_read_and_a_power_cut_may_not(tmp_path: Path) -> None:
    broker, trace = SetUpBroker(tmp_path / "set-up", 3, "--replace", "--yes"), tmp_path / "trace"
    if (found := version(broker.service.program)) <= IN_PLACE:
        pytest.skip(f"Mosquitto {'.'.join(map(str, found))} writes its accounts in place: a kill can leave the file empty")
    state = broker.folder / "state"
    begins_with = {ACCOUNTS: (state / ACCOUNTS).read_bytes()}
    traced(broker.service, trace)
    with broker.service:
        broker.command("devices", "enroll", *broker.names, "--csv", str(tmp_path / "accounts.csv"))
        done = operations(trace, state)
        tell(broker.service, signal.SIGKILL)
        broker.service.kill()
    wholes = {image[ACCOUNTS] for image in after_kills(done, begins_with)}
    assert [len(json.loads(whole)["clients"]) for whole in wholes]
    assert renames(trace, state, ACCOUNTS) >= 2 * len(broker.names), "each command writes the whole file"
    assert not [one for one in done if one.kind == "sync"], "Mosquitto 2.0.21 leaves that to the file system"
    torn = {image[ACCOUNTS] for image in images(done, begins_with, seeded(1))} - wholes
    assert not all(map(can_be_read, torn))


def can_be_read(accounts: bytes) -> bool:
    try:
        return bool(json.loads(accounts)["clients"])
    except ValueError:
        return False
