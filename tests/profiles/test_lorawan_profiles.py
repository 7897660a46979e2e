"""The shipped LoRaWAN profiles against real uplinks: the whole way, from the network server's message to points."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pytest

from gateway.core.devices.streams import Streams
from gateway.core.message import StoredMessage
from gateway.core.process import Processor
from gateway.core.profiles.envelopes import Envelopes
from gateway.core.profiles.matching import Profiles
from gateway.core.readings.clock_trust import ClockTrust, TimeRules
from gateway.ingest.codecs.process import SyncCodecs
from gateway.onboarding.explain.dry_run import DryRun, point_document
from gateway.onboarding.explain.profile_tests import check_profile
from gateway.support.config.profile_files import Loaded
from schemas.registry import RegisteredDevice
from tests.profile_loading import load_profiles
from tests.profiles.lorawan_corpus import CORPUS, DEVICES, KNOWN_ERRORS, Field, Uplink, uplinks

needs_corpus = pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")

_DAY_MS = 86_400_000
_RULES = TimeRules(max_past_ms=40 * _DAY_MS, max_future_ms=300_000, late_after_ms=3_600_000)


class Decoded(NamedTuple):
    """The outcome of an uplink."""

    uplink: Uplink
    profile: str | None
    refusals: Sequence[object]
    points: list[dict[str, Any]]


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    """All that ships."""
    return load_profiles(None)


@pytest.fixture(scope="module")
def profiles(loaded: Loaded) -> Profiles:
    """All shipped profiles, active."""
    return Profiles([file.compiled for file in loaded.profiles.values()], Envelopes(list(loaded.envelopes.values())))


@pytest.fixture
def codecs(loaded: Loaded) -> Iterator[SyncCodecs]:
    """The shipped codecs, in their process."""
    with SyncCodecs({file.codec.name: file.codec for file in loaded.profiles.values() if file.codec}) as calls:
        yield calls


@pytest.fixture(params=DEVICES)
def make(request: pytest.FixtureRequest) -> str:
    """A make whose uplinks are in the corpus."""
    return str(request.param)


@pytest.fixture
def decoded(make: str, profiles: Profiles, codecs: SyncCodecs) -> list[Decoded]:
    """Each uplink of the make, its device being registered with the model."""
    return [_decode(row, profiles, codecs) for row in uplinks() if row.make == make]


def _decode(row: Uplink, profiles: Profiles, codecs: SyncCodecs) -> Decoded:
    device = DEVICES[row.make]
    registry = {row.device: RegisteredDevice(id=row.device, domain=device.domain, model=device.model)}
    trust = ClockTrust(not_before_ms=0, max_future_ms=_RULES.max_future_ms)
    dry_run = DryRun(Processor(Streams(registry, None, profiles), _RULES, trust), codecs)
    message = StoredMessage(f"application/1/device/{row.device}/event/up", row.message)
    seen = dry_run.take(message, _arrival_ms(row))
    lines = [line for reading in seen.outcome.readings for line in reading.lines.split("\n")]
    return Decoded(row, seen.profile, seen.outcome.refusals, [point_document(line) for line in lines])


def _arrival_ms(row: Uplink) -> int:
    """A second after the newest time that the other project found: some frames are newer than the envelope made for them."""
    return 1000 + max((_ms(entry["ts"]) for entry in row.telemetry if "ts" in entry), default=_ms("2024-11-10T12:51:50Z"))


def _ms(time: int | str) -> int:
    return time if isinstance(time, int) else round(datetime.fromisoformat(time).timestamp() * 1000)


@needs_corpus
def test_every_value_of_the_corpus_comes_out(make: str, decoded: list[Decoded]) -> None:
    """Each key of the other project is mapped with its factor, or is known to be no quantity."""
    device = DEVICES[make]
    for one in decoded:
        assert not one.refusals, one.uplink.id
        assert one.profile == device.profile
        for time_ms, key, theirs in _values(one.uplink):
            if key in device.left_out:
                continue
            field, right = device.fields[key], KNOWN_ERRORS.get((make, key, theirs), theirs)
            found = _find(one.points, field, time_ms)
            assert found == pytest.approx(field.value(right), rel=1e-9, abs=1e-9), (one.uplink.id, key, one.points)


def _values(row: Uplink) -> Iterator[tuple[int | None, str, Any]]:
    """Time, key and value. The first entry has the time of the server, which is not compared; others have the frame's own."""
    for number, entry in enumerate(row.telemetry):
        for key, theirs in entry["values"].items():
            yield _ms(entry["ts"]) if number else None, key, theirs


def _find(points: list[dict[str, Any]], field: Field, time_ms: int | None) -> float | bool | None:
    """Our value of a field; None: no point of that time has it."""
    for point in points:
        then = time_ms is None or point["time_ms"] == time_ms
        if then and point["measurement"] == field.measurement and point["tags"].get("channel") == field.channel:
            value: float | bool | None = point["fields"].get(field.field)
            if value is not None:
                return value
    return None


@needs_corpus
def test_a_frame_gives_the_same_points_whichever_server_brings_it(decoded: list[Decoded]) -> None:
    """All but what the servers themselves measured: the radio, the frame counter, the time of arrival."""
    by_frame: dict[tuple[int, str], list[Any]] = defaultdict(list)
    for one in decoded:
        by_frame[one.uplink.frame].append([_own(point) for point in one.points])
    assert any(len(points) > 1 for points in by_frame.values())
    for points in by_frame.values():
        assert all(other == points[0] for other in points), points


_OF_THE_SERVER = {"rssi_dbm", "snr_db", "frame_counter", "quality"}


def _own(point: dict[str, Any]) -> tuple[str, str | None, dict[str, Any]]:
    fields = {name: value for name, value in point["fields"].items() if name not in _OF_THE_SERVER}
    return point["measurement"], point["tags"].get("channel"), fields


@needs_corpus
def test_all_of_our_makes_are_in_the_corpus() -> None:
    """No make is in our list under a name that nothing has."""
    assert {row.make for row in uplinks()} == set(DEVICES)


def test_the_tests_inside_the_profiles_hold(loaded: Loaded, codecs: SyncCodecs) -> None:
    """As ``gateway check`` runs them: each profile alone."""
    checked = []
    for name, file in loaded.profiles.items():
        alone = Profiles([file.compiled], Envelopes(list(loaded.envelopes.values())))
        checked += check_profile(name, file.model.tests, alone, codecs)
    assert [one for one in checked if one.faults] == []
    assert {one.profile for one in checked} >= {device.profile for device in DEVICES.values()}
