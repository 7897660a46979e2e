"""Hostile codecs: each message is a reject, no other device is delayed, and one that persists is suspended until replaced."""

import json
import os
import signal
import time
from pathlib import Path
from statistics import quantiles

import pytest

from gateway.commands.demo.services import Service
from tests.system.door import Deed, Door, Forward
from tests.system.fleet import Fleet, client_of, publish, publish_all, wait_settled
from tests.system.makes import ECHO_CODEC, Frame, assert_each_frame_stands, profile
from tests.system.rig import Gateway, configure, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

P99_MAX_MS = 250
RECEIVE_MAXIMUM = 2000
RSS_MAX_BYTES = 160_000_000
CHILD_MAX_BYTES = 100_000_000
FRAMES = 500
"""What a slow codec is given: they take it 2.5 s of the processor, and come in half of that."""

HOSTILE = {
    "loops": "while (true);",
    "eats": "const kept = []; for (;;) kept.push('x'.repeat(1e5) + kept.length);",
    "recurses": "return decodeUplink(input);",
    "throws": "throw new Error('never');",
    "text": "return 'text';",
    "nothing": "return null;",
    "cycle": "const a = {}; a.a = a; return {data: a};",
    "keys": "const o = {}; for (let i = 0; i < 1e6; i++) o['key' + i] = i; return {data: o};",
    "searches": "'a'.repeat(1 << 20).indexOf('a'.repeat(1 << 19) + 'b');",
    "unfolds": "let a = []; for (let i = 0; i < 40; i++) a = [a, a]; return {data: {a}};",
}


def codec(body: str) -> str:
    return f"function decodeUplink(input) {{ {body} }}"


def frame(device: str, counter: int, port: int) -> Frame:
    return Frame(device, counter, time.time_ns() // 1_000_000 - 60_000 + counter, counter % 1000, port)


def message(one: Frame) -> tuple[str, bytes]:
    return one.topic, one.payload(one.two_bytes)


class Stopwatch:
    """Notes how long native readings were on their way from their device to InfluxDB, at its door.

    :ivar took_ms: by reading; a device's clock is ours.
    """

    def __init__(self) -> None:
        self.took_ms: list[float] = []

    def __call__(self, lines: str) -> Deed:
        """For :attr:`Door.deed`."""
        now_ms = time.time() * 1000
        times = [
            float(line.rpartition(" ")[2]) for line in lines.split("\n") if line.startswith("water,") and "flow_m3_h" in line
        ]
        self.took_ms += [now_ms - at_ms for at_ms in times]
        return Forward()

    @property
    def p99_ms(self) -> float:
        """99 of 100 took no longer."""
        return quantiles(self.took_ms, n=100)[98]

    def begin(self) -> float:
        """Begin a new record; return the limit of the p99 from here on, which includes the delay of a busy machine."""
        before_ms, self.took_ms = self.p99_ms, []
        return max(P99_MAX_MS, 5 * before_ms)


@pytest.fixture
def hostile(tmp_path: Path) -> dict[str, int]:
    """Profiles of devices with hostile codecs, each with its port, and of one with a sound codec on port 85."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    profile(folder, "sound")
    ports = {name: 100 + number for number, name in enumerate(HOSTILE)}
    for name, port in ports.items():
        profile(folder, name, codec(HOSTILE[name]), port=port)
    return ports


def test_hostile_codecs_cost_a_reject_each_and_hold_up_nobody(
    mosquitto: Service, influxdb: Service, tmp_path: Path, hostile: dict[str, int]
) -> None:
    """Two frames of each every few moments, fewer than what suspends it; beside them others send 200 readings a second."""
    with (
        Door(influxdb) as door,
        gateway(tmp_path / "gateway", mosquitto.url, door.url) as gate,
        client_of(mosquitto) as client,
    ):
        stopwatch = Stopwatch()
        door.deed = stopwatch
        gate.wait_subscribed()
        sound: list[Frame] = []
        with Fleet(mosquitto, rate=200) as fleet:
            until(lambda: len(fleet.acknowledged) > 300, what="the fleet is under way")
            before_bytes, limit_ms = gate.rss_bytes, stopwatch.begin()
            for counter in range(2):
                for name, port in hostile.items():
                    sound.append(frame("aa00000000000001", len(sound), 85))
                    publish_all(client, [message(frame(f"bad-{name}", counter, port)), message(sound[-1])])
            until(lambda: gate.ledger()["rejected"] >= 2 * len(HOSTILE), what="each is a reject")
            until_more_acknowledged(fleet, 600)
        ledger = wait_settled(gate, mosquitto)
        rejects = gate.rejects()
        rss_bytes = gate.rss_bytes
        assert sorted((reject["device"], reject["reason"]) for reject in rejects) == sorted(
            [(f"bad-{name}", "profile_error") for name in HOSTILE] * 2
        )
        assert ledger["written"] == len(fleet.acknowledged) + len(sound)
        assert stopwatch.p99_ms <= limit_ms, f"p99 {stopwatch.p99_ms:.0f} of {limit_ms:.0f} ms"
        assert rss_bytes <= min(RSS_MAX_BYTES, before_bytes + 30_000_000), (
            f"{before_bytes / 1e6:.0f} → {rss_bytes / 1e6:.0f} MB"
        )
        assert child_bytes(gate) <= CHILD_MAX_BYTES
        details = {reject["device"]: reject["detail"] for reject in rejects}
        assert "profile loops: its codec: took more than 10 ms" in details["bad-loops"]
        assert "Error: never" in details["bad-throws"]
        assert "took more than 250 ms" in details["bad-searches"]


def until_more_acknowledged(fleet: Fleet, more: int) -> None:
    least = len(fleet.acknowledged) + more
    until(lambda: len(fleet.acknowledged) >= least, what="the fleet goes on")


def children_of(gate: Gateway) -> list[int]:
    """The process that runs the codecs, when there is one."""
    return [int(pid) for pid in Path(f"/proc/{gate.pid}/task/{gate.pid}/children").read_text().split()]


def child_bytes(gate: Gateway) -> int:
    """The most memory that the process which runs the codecs ever held."""
    (child,) = children_of(gate)
    return int(Path(f"/proc/{child}/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024


def test_a_process_for_codecs_that_is_killed_costs_nobody_a_reading(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    """As by a system that is short of memory."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    profile(folder, "pressure")
    sent = [frame("aa00000000000001", counter, 85) for counter in range(3000)]
    with gateway(folder, mosquitto.url, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        for start in range(0, 3000, 500):
            publish_all(client, map(message, sent[start : start + 500]))
            until(lambda start=start: int(gate.ledger()["written"]) > start, what="the process answers")
            for pid in children_of(gate):
                os.kill(pid, signal.SIGKILL)
        ledger = wait_settled(gate, mosquitto)
        assert (ledger["written"], ledger["rejected"]) == (3000, 0)
        assert gate.status()["codecs"]["restarts"] >= 3
        assert isinstance(gate.status()["codecs"]["confinement"], list)
    assert_each_frame_stands(influxdb, sent)


def test_a_codec_that_is_slower_than_its_messages_come_holds_up_only_them(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    """Its excess messages wait on disk, acknowledged, and come in when it has caught up."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    profile(
        folder,
        "slow",
        f"function wait() {{ for (const end = Date.now() + 5; Date.now() < end;); }} {ECHO_CODEC}".replace(
            "{ r", "{ wait(); r"
        ),
    )
    sent = [frame("aa00000000000001", counter, 85) for counter in range(FRAMES)]
    with (
        Door(influxdb) as door,
        gateway(folder, mosquitto.url, door.url) as gate,
        client_of(mosquitto) as client,
    ):
        stopwatch = Stopwatch()
        door.deed = stopwatch
        gate.wait_subscribed()
        with Fleet(mosquitto, rate=200) as fleet:
            until(lambda: len(stopwatch.took_ms) > 300, what="the fleet is under way")
            limit_ms = stopwatch.begin()
            for start in range(0, FRAMES, 100):
                publish_all(client, map(message, sent[start : start + 100]))
                until_more_acknowledged(fleet, 60)
                assert gate.status()["mqtt"]["unacknowledged"] < RECEIVE_MAXIMUM
        assert gate.pending("quarantine") > 0
        ledger = wait_settled(gate, mosquitto, within_s=40.0)
        assert ledger["written"] == len(fleet.acknowledged) + FRAMES
        assert (ledger["rejected"], ledger["expired"], ledger["lost"]) == (0, 0, 0)
        assert stopwatch.p99_ms <= limit_ms, f"p99 {stopwatch.p99_ms:.0f} of {limit_ms:.0f} ms"


@pytest.mark.parametrize(
    "name", [pytest.param("loops", id="stopped-by-the-engine"), pytest.param("searches", id="only-a-kill-ends-it")]
)
def test_a_codec_that_goes_on_is_suspended_and_its_messages_wait_until_it_is_mended(
    name: str, mosquitto: Service, influxdb: Service, tmp_path: Path, hostile: dict[str, int]
) -> None:
    port = hostile[name]
    folder = tmp_path / "gateway"
    with gateway(folder, mosquitto.url, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        bad = [frame(f"bb0000000000000{counter % 2}", counter, port) for counter in range(3)]
        for one in bad:
            publish(client, *message(one))
            until(lambda: gate.status()["codecs"]["pending"] == 0, what="answered")
        until(lambda: gate.status()["codecs"]["suspended"], what="suspended")
        assert list(gate.status()["codecs"]["suspended"]) == [f"{name}.js"]
        assert f"codec {name}.js is suspended" in gate.troubles()
        assert f"codec {name}.js is suspended" in gate.printed()
        assert f"codec {name}.js is suspended" in gate.shown()
        assert f'gateway_codec_suspended{{codec="{name}.js"}} 1.0' in gate.ask("/metrics")[1]

        waiting = [frame("bb00000000000001", counter, port) for counter in range(10, 60)]
        publish_all(client, map(message, waiting))
        until(lambda: gate.pending("quarantine") == 50, what="its messages wait")
        assert 'gateway_quarantine_messages{cause="codec"} 50.0' in gate.ask("/metrics")[1]
        found = gate.document("/api/quarantine")
        assert (found["messages"], found["by_cause"]) == (50, {"codec": 50})
        assert [(key["key"], key["cause"], key["messages"]) for key in found["keys"]] == [(f"{name}.js", "codec", 50)]
        sound = frame("aa00000000000001", 1, 85)
        publish(client, *message(sound))
        until(lambda: gate.ledger()["written"] == 1, what="others go on")

        (folder / "profiles" / f"{name}.js").write_text(ECHO_CODEC)
        gate.send_signal(signal.SIGHUP)
        until(lambda: gate.ledger()["written"] == 51, what="they came in")
        assert gate.troubles() == ""
        assert gate.status()["codecs"]["suspended"] == {}
        assert f'gateway_codec_suspended{{codec="{name}.js"}} 0.0' in gate.ask("/metrics")[1]
        ledger = gate.ledger()
        assert (ledger["rejected"], ledger["lost"], sum(ledger["pending"].values())) == (3, 0, 0)
        assert {reject["reason"] for reject in gate.rejects()} == {"profile_error"}
    assert_each_frame_stands(influxdb, [*waiting, sound])


def test_messages_that_wait_for_a_codec_outlive_the_gateway(
    mosquitto: Service, influxdb: Service, tmp_path: Path, hostile: dict[str, int]
) -> None:
    """After a restart nothing is suspended any more: what the codec still cannot do becomes a reject or waits again."""
    port = hostile["loops"]
    folder = tmp_path / "gateway"
    with gateway(folder, mosquitto.url, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        publish_all(client, [message(frame("bb00000000000001", counter, port)) for counter in range(30)])
        until(lambda: gate.pending("quarantine") >= 20, what="they wait")
        gate.kill()
        profile(folder, "loops", port=port)
        gate.start()
        gate.wait_ready()
        until(lambda: gate.pending("quarantine") == 0 and gate.pending("journal") == 0, what="they came in by themselves")
        until(lambda: gate.ledger()["written"] >= 20, what="they are written")
        assert gate.ledger()["lost"] == 0


@pytest.mark.slow
def test_where_nothing_confines_codecs_frames_wait_and_come_in_once_it_is_accepted(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    profile(folder, "pressure")
    sent = [frame("aa00000000000001", counter, 85) for counter in range(30)]
    with gateway(folder, mosquitto.url, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.terminate()
        gate.arguments[:2] = [str(Path(__file__).parents[1] / "ingest/codecs/unprotected_gateway.py")]
        gate.start()
        gate.wait_subscribed()
        publish_all(client, map(message, sent))
        until(lambda: gate.pending("quarantine") == 30, what="they wait")
        assert "codecs are not run: this machine has neither Landlock nor seccomp" in gate.troubles()
        assert "codecs.unconfined: accept" in gate.shown()
        assert gate.status()["codecs"]["trouble"].startswith("codecs are not run")
        assert children_of(gate) == []

        gate.terminate()
        configure(gate, json.loads(gate.config.read_text()) | {"codecs": {"unconfined": "accept"}})
        gate.start()
        gate.wait_subscribed()
        until(lambda: gate.ledger()["written"] == 30, what="they came in")
        assert "codecs" not in gate.troubles()
        assert gate.said("codecs run with less protection than they could") == 1
    assert_each_frame_stands(influxdb, sent)
