"""Targets for files that people write: configuration, registry, profiles. A refusal names the file in a sentence."""

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from gateway.core.devices.streams import Admission, Streams
from gateway.core.message import StoredMessage
from gateway.core.mqtt_session import Session
from gateway.core.process import Processor
from gateway.core.profiles.matching import Profiles
from gateway.core.readings.clock_trust import ClockTrust, TimeRules
from gateway.ingest.delivery.influxdb import write_target
from gateway.onboarding.explain.dry_run import begin
from gateway.runtime.pipeline.options import broker_address, delivery_limits, session_options
from gateway.runtime.pipeline.processing import build_processor
from gateway.support.config import plain_yaml, strict_yaml
from gateway.support.config.bundled_profiles import SHIPPED
from gateway.support.config.files import ConfigurationFault, load
from gateway.support.config.model import Config
from gateway.support.config.profile_files import ProfileFile
from gateway.support.config.yaml_words import YamlFault
from gateway.support.registry.changes import change_of
from gateway.support.registry.csv_file import merge, read_rows
from gateway.support.registry.edit import edit
from gateway.support.registry.registry import load_registry
from schemas.registry import Registry
from tests.campaigns.fuzz import shipped
from tests.campaigns.fuzz.soundness import assert_outcome, assert_shown
from tests.campaigns.fuzz.target import Run, Target
from tests.core.profiles.test_envelopes import ENVELOPES
from tests.profile_loading import load_profiles

SAFE_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
DAY_MS = 86_400_000
ARRIVAL_MS = 1_793_491_200_000
FIELDS_MAX = 5
"""Of a point of a shipped profile: with all of them each input would take long, and show no more."""
ENVIRONMENT = "\n\x1e"
"""Between a configuration and the variables that override it."""


def refused_or(read: Callable[[], Any], file: Path) -> Any:  # noqa: ANN401 - whatever is read
    """Read a document; None if it is refused with lines that each name the file."""
    try:
        return read()
    except ConfigurationFault as why:
        lines = why.lines
    assert lines
    for line in lines:
        assert line.count(": ") >= 1, line
        line.encode(errors="strict" if str(file) in line else "replace")
    return None


def work_file(name: str) -> Path:
    """A file that inputs are written to, in a folder of its own."""
    return Path(tempfile.mkdtemp(prefix="gateway-fuzz-")) / name


def configuration() -> Run:
    """A configuration that is taken can be used, up to the bytes that open the connection to the broker."""
    file = work_file("gateway.yaml")
    known = shipped.shipped()[0]

    def run(data: bytes) -> None:
        text, _, variables = data.decode("utf-8", "surrogateescape").partition(ENVIRONMENT)
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        pairs = (line.partition("=") for line in variables.split("\n"))
        environment = {f"GATEWAY_{name}": value for name, _, value in pairs}
        config = refused_or(lambda: load(file, environment), file)
        if config is not None:
            _use(config, known)

    return run


def _use(config: Config, known: Any) -> None:  # noqa: ANN401
    build_processor(config, known)
    delivery_limits(config)
    write_target(config.influxdb)
    if config.mqtt.password_file is None and config.mqtt.tls.ca is None and config.mqtt.tls.cert is None:
        broker_address(config.mqtt)
        Session(session_options(config)).connect()


def registry_yaml() -> Run:
    """A registry that is taken can be written, with a device more, and reads back the same."""
    file = work_file("devices.yaml")

    def run(data: bytes) -> None:
        file.write_bytes(data)
        registry = refused_or(lambda: load_registry(file), file)
        if registry is None or not registry.devices:
            return
        one = registry.devices[0]
        added = [type(one)(id="added-by-fuzzing", params={"x": 1.5, "y": "00"})]
        change = change_of(registry, added, {0: replace(one, serial="fuzzed")})
        text = data.decode("utf-8-sig")
        edited = refused_or(lambda: edit(text, change), file)
        assert edited is not None
        file.write_text(edited.text, encoding="utf-8")
        assert load_registry(file) == change.registry

    return run


def registry_csv() -> Run:
    """Rows that are taken merge into a registry without a fault."""
    file = work_file("devices.csv")
    registry = Registry(areas={"a": "Area"})

    def run(data: bytes) -> None:
        file.write_bytes(data)
        rows = refused_or(lambda: read_rows(file, registry), file)
        if rows is not None:
            merged = merge(registry, rows)
            assert len(merged.registry.devices) == len(rows)
            assert not merge(merged.registry, rows).added

    return run


def yaml_forms() -> Run:
    """The quick reader, ours in full and PyYAML agree on what all of them take; what is JSON is what JSON says."""

    def run(data: bytes) -> None:
        text = data.decode(errors="replace")
        quick, full = _read(plain_yaml.read, text), _read(strict_yaml.parse, text)
        if isinstance(as_json := _json(text), dict):
            assert repr(quick) == repr(as_json), (quick, as_json)
        else:
            assert repr(quick) == repr(full), f"quick: {quick!r}, full: {full!r}"
        strict_yaml.lines_of(text, [()])
        if isinstance(full, YamlFault):
            assert full.line >= 1
            return
        try:
            safe = yaml.load(text, SAFE_LOADER)  # noqa: S506
        except yaml.YAMLError:  # "=" has a meaning there that nobody knows
            return
        assert repr(full) == repr(safe) or "<<" in text, (full, safe)  # merging is not taken

    return run


def _json(text: str) -> object:
    """A document that begins with a brace and is JSON without a repeated key."""
    try:
        return plain_yaml._json(text) if text.startswith("{") else None  # noqa: SLF001 - which texts are JSON
    except (ValueError, RecursionError, plain_yaml._NotPlain):  # noqa: SLF001
        return None


def _read(read: Callable[[str], Any], text: str) -> Any:  # noqa: ANN401
    try:
        return read(text)
    except YamlFault as fault:
        return fault


def profiles() -> Run:
    """A profile is refused with sentences, or takes its own messages without a fault of ours."""
    file = work_file("own.yaml")

    def run(data: bytes) -> None:
        file.write_bytes(data)
        loaded = refused_or(lambda: load_profiles(file.parent, file.parent / "nothing"), file)
        for one in loaded.profiles.values() if loaded is not None else ():
            _take_own(one)

    for seed in profile_seeds():
        run(seed)  # the units take a second to load
    return run


def _take_own(file: ProfileFile) -> None:
    """Send a profile the messages of its tests."""
    rules = TimeRules(max_past_ms=40 * DAY_MS, max_future_ms=300_000, late_after_ms=3_600_000)
    streams = Streams({}, Admission(), Profiles([file.compiled], ENVELOPES))
    processor = Processor(streams, rules, ClockTrust(not_before_ms=0, max_future_ms=300_000))
    for number, message in enumerate(each for test in file.model.tests for each in test.sequence()):
        properties = tuple(message.properties.items())
        stored = StoredMessage(message.topic, message.body(), message.retain, user_properties=properties)
        seen = begin(processor, stored, ARRIVAL_MS + 1000 * number)
        if seen.asks is None:
            assert_outcome(seen.outcome)
            assert_shown(seen)


def profile_seeds() -> Iterator[bytes]:
    """The shipped profiles that need no codec, as written and as JSON."""
    for path in sorted(SHIPPED.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        for document in yaml.safe_load_all(text):
            if "codec" not in document:
                document["tests"] = document["tests"][:1]
                for point in [point for point in document.get("points", ()) if "fields" in point]:
                    point["fields"] = dict(list(point["fields"].items())[:FIELDS_MAX])
                yield json.dumps(document, default=str).encode()
    points = b"points: [{measurement: water, fields: {ph: /ph}}]\n"
    yield b"profile: p\nmatch: {topic: t/+}\n" + points + b"tests: [{topic: t/a, payload: {ph: 7}}]\n"


def configuration_seeds() -> Iterator[bytes]:
    """Configurations."""
    yield b"mqtt: {url: mqtt://127.0.0.1:1883, username: a, password: b}\ninfluxdb: {bucket: iot/rp, api: v1}\n"
    yield json.dumps(Config().model_dump(mode="json", exclude={"journal"}), default=str).encode()
    yield b"batch: {max_delay: 10ms}\n\n\x1eMQTT__URL=mqtts://[::1]\nINFLUXDB__TOKEN=00012\nLIMITS__PAYLOAD_BYTES=1MiB"
    yield b"http: {host: '::1', port: 0}\nlimits: {memory_bytes: 32MiB, devices: 5}\ntime: {max_past: 40d, late_after: 1h}\n"


def registry_seeds() -> Iterator[bytes]:
    """Registries."""
    yield (
        b"areas:\n  a: Area # why\ndevices:\n  - id: 24E124136D000001\n    site: s\n    area: a\n    interval: 15min\n"
        b"    params: {ct_ratio: 40}\n  - {id: d-2, lat: 10.5, lon: 106.7, installed: 2026-03-14, serial: '00012'}\n"
    )
    yield b'{"areas": {"a": "A"}, "devices": [{"id": "x", "area": "a", "params": {"k": true, "t": "1e5"}, "interval": 60}]}'
    yield b"devices:\n- id: a\n  model: Meter X, 3\n  profile: p\n\n# last\n"
    yield b"devices: [{id: a}, {id: b, params: {x: 1}}]\n"


def csv_seeds() -> Iterator[bytes]:
    """Spreadsheets."""
    yield b"id,site,area,lat,lon,interval,params.ct_ratio\nd-1,s,a,10.5,106.7,15min,40\nd-2,,,,,,\n"
    yield 'sep=;\r\nid;model;lat\r\nd-1;"Meter; X";10,5\r\n'.encode("utf-16")
    yield b"\xef\xbb\xbfid\tserial\tinstalled\nd-1\t00012\t2026-03-14\n"


TARGETS = [
    Target("gateway-yaml", configuration, configuration_seeds, slowest_s=0.15),
    Target("registry-yaml", registry_yaml, registry_seeds, slowest_s=0.3),
    Target("registry-csv", registry_csv, csv_seeds, slowest_s=0.3),
    Target("yaml", yaml_forms, lambda: [*registry_seeds(), *configuration_seeds()], slowest_s=0.3),
    Target("profiles", profiles, profile_seeds, slowest_s=1.0),
]
