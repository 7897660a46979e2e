"""The wiring: each part gets what it asks for, and the limits of the configuration."""

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import pytest

from gateway.core.edge_nodes import BIRTH
from gateway.core.message import QuarantinedMessage, Unresolved, WaitCause
from gateway.core.profiles.matching import Profiles
from gateway.core.readings.clock_trust import ClockTrust
from gateway.ingest.storage import keyvalue, quarantine
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.settlement import Limits
from gateway.runtime.pipeline.build import Parts, _permitted, workers
from gateway.runtime.pipeline.options import (
    broker_addresses,
    delivery_limits,
    session_options,
    storage_limits,
)
from gateway.runtime.pipeline.processing import build_processor, membership_of, processor_apart, time_rules
from gateway.support.config.model import Config, Mqtt
from gateway.support.registry.shares import SharesFile
from tests.clocks import SetClock
from tests.core.making import NOW_MS

ALONE: Final[dict[str, Any]] = {}
PAIR: Final[dict[str, Any]] = {"standby": {"machine": "a"}}
SHARED: Final[dict[str, Any]] = {"shares": "shares.yaml"}


def config_of(folder: Path, **mqtt: Any) -> Config:  # noqa: ANN401 - settings
    """A configuration with every lane that there may be."""
    (folder / "shares.yaml").write_text("gateways: [gateway-1, gateway-2]\nshares: [{site: s1}]\n")
    return Config.model_validate(
        {
            "mqtt": mqtt | ({"shares": folder / "shares.yaml"} if "shares" in mqtt else {}),
            "journal": {"path": folder / "journal.db"},
            "devices": {"registry": folder / "devices.yaml"},
            "alarms": {"alertmanager": "http://127.0.0.1:1", "webhook": "http://127.0.0.1:1", "mqtt": True},
            "audit": {"mqtt": True},
            "open_data": {"nightly": True},
        }
    )


def _classes(hint: object) -> tuple[type, ...]:
    """The classes of which a value must be one; empty if that cannot be told while it runs."""
    if get_origin(hint) in {Union, UnionType}:
        each = [_classes(one) for one in get_args(hint)]
        return tuple(found for classes in each for found in classes) if all(each) else ()
    if not isinstance(hint, type) or get_origin(hint) is not None or getattr(hint, "_is_protocol", False):
        return ()
    return (int, float) if hint is float else (hint,)


def _strict(made: Callable[..., None], of: type) -> Callable[..., None]:
    """A constructor that refuses an argument of another type than it names."""
    hints, signature = get_type_hints(made), inspect.signature(made)

    @wraps(made)
    def checked(*given: object, **named: object) -> None:
        for name, value in signature.bind(*given, **named).arguments.items():
            classes = _classes(hints.get(name))
            assert not classes or isinstance(value, classes), f"{of.__name__}: {name} is {value!r}"
        made(*given, **named)

    return checked


def _made_by_hand() -> Iterator[type]:
    """All classes of the gateway that have a constructor of their own."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith("gateway.")]
    for module in modules:
        for found in vars(module).values():
            is_own = isinstance(found, type) and found.__module__ == module.__name__
            if is_own and inspect.isfunction(vars(found).get("__init__")) and not issubclass(found, BaseException):
                yield found


@pytest.mark.parametrize("mqtt", [ALONE, PAIR, SHARED], ids=["alone", "pair", "shared"])
def test_each_part_gets_what_it_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mqtt: dict[str, Any]) -> None:
    """The type checker says so as well; here it is said where parts are joined."""
    database = Database(tmp_path / "journal.db")
    database.open()
    for found in _made_by_hand():
        try:
            monkeypatch.setattr(found, "__init__", _strict(vars(found)["__init__"], found))
        except NameError:  # it names what only the type checker knows
            continue

    async def build() -> None:
        parts = Parts(config_of(tmp_path, **mqtt), database, SetClock(NOW_MS))
        assert len(workers(parts)) == 5
        assert {worker.name for worker in workers(parts)} <= set(parts.lanes)
        assert [worker.has_work() for worker in workers(parts)] == [False] * 5
        assert [worker.progress() for worker in workers(parts)] == [0] * 5

    try:
        asyncio.run(build())
    finally:
        database.close()


def test_work_and_progress_of_lanes_that_must_not_stand_still_are_seen(tmp_path: Path) -> None:
    database = Database(tmp_path / "journal.db")
    database.open()

    async def story() -> None:
        parts = Parts(config_of(tmp_path), database, SetClock(NOW_MS))
        events, delivery = parts.foundation.events, parts.delivery
        by_name = {worker.name: worker for worker in workers(parts)}
        events.answered("written", 0.1)
        events.answered("refused", 0.1, live=False)
        events.journal_took(7)
        events.rejects_kept["bad_json"] = 3
        events.quarantine.messages["codec"] = 4
        delivery.fallback.backlog.progress.brought_in = 5
        delivery.fallback.backlog.grew.set()
        expected = {"live lane": 2, "spool": 7, "drain lane": 5, "rejects": 3, "quarantine in": 4}
        assert {name: worker.progress() for name, worker in by_name.items()} == expected
        assert [name for name, worker in by_name.items() if worker.has_work()] == ["drain lane"]

    asyncio.run(story())
    database.close()


def test_options_and_limits_are_those_of_the_configuration() -> None:
    config = Config.model_validate(
        {
            "mqtt": {"session_expiry": "36500d", "receive_maximum": 77, "username": "u", "password": "p"},
            "batch": {"max_delay": "20ms", "max_readings": 9, "stall": "2s"},
            "limits": {"payload_bytes": 1000, "memory_bytes": 2**21, "devices": 1, "simulated": "reject"},
            "journal": {"min_free_bytes": 5000, "when_full": "stop_acking"},
            "rejects": {"max_bytes": 2**22},
            "devices": {"quarantine_max_bytes": 2**23},
            "time": {"max_past": "2h", "max_future": "3min", "late_after": "4s"},
        }
    )
    options = session_options(config)
    assert (options.client_id, options.username, options.password) == ("gateway-1", "u", b"p")
    assert (options.session_expiry_s, options.receive_maximum) == (3_153_600_000, 77)
    assert options.frame_max_bytes == 1000 + 2**17, "with its topic and properties"
    limits = delivery_limits(config)
    assert (limits.max_delay_s, limits.max_readings, limits.stall_s) == (0.02, 9, 2.0)
    assert (limits.receive_maximum, limits.memory_bytes) == (77, 2**21)
    assert storage_limits(config) == Limits(2**22, 2**23, min_free_bytes=5000, may_give_up=False)
    assert storage_limits(Config()).may_give_up
    rules = time_rules(config)
    assert (rules.max_past_ms, rules.max_future_ms, rules.late_after_ms) == (7_200_000, 180_000, 4000)


def test_a_broker_without_a_port_has_the_usual_one() -> None:
    for url, address in (("mqtt://b", "mqtt://b:1883"), ("mqtts://b", "mqtts://b:8883"), ("mqtt://b:7", "mqtt://b:7")):
        assert [str(one) for one in broker_addresses(Mqtt.model_validate({"url": url}))] == [address]
    assert session_options(Config.model_validate({"mqtt": {"session_expiry": "1h"}})).session_expiry_s == 3600


def test_a_gateway_leads_unless_another_is_named_and_looks_elsewhere_where_devices_may_move(tmp_path: Path) -> None:
    shares = SharesFile(["gateway-2", "gateway-1"], [])
    alone, moving = Config(), Config.model_validate({"devices": {"moving": True}})
    assert (membership_of(alone, None).leads, membership_of(alone, None).elsewhere) == (True, None)
    assert membership_of(moving, None).elsewhere is not None
    second = membership_of(alone, shares)
    assert (second.leads, second.leader, second.elsewhere is not None) == (False, "gateway-2", True)
    named = Config.model_validate({"mqtt": {"shares": tmp_path / "s.yaml", "share_leader": "gateway-1"}})
    assert membership_of(named, shares).leads


def test_the_core_admits_whom_the_configuration_lets_in(tmp_path: Path) -> None:
    (tmp_path / "devices.yaml").write_text("")
    limits = {"limits": {"devices": 1, "simulated": "reject"}, "devices": {"registry": tmp_path / "devices.yaml"}}
    database = Database(tmp_path / "journal.db")
    database.open()

    async def story() -> None:
        config = Config.model_validate(limits | {"journal": {"path": tmp_path / "journal.db"}})
        parts = Parts(config, database, SetClock(NOW_MS))
        processor = build_processor(config, parts.processing.catalog)
        assert processor.payload_max_bytes == config.limits.payload_bytes
        let_in = [not isinstance(processor.streams.meet(name), Unresolved) for name in ("sim-1", "m1", "m2")]
        assert let_in == [False, True, False]
        assert parts.processing.processor.trust.doubted is False

    asyncio.run(story())
    database.close()


@pytest.mark.parametrize(("unknown", "free"), [("accept", {"m1", "c", "g/n", "m2"}), ("quarantine", {"m1", "c", "g/n"})])
def test_what_need_not_wait_any_more_is_free_at_the_start(tmp_path: Path, unknown: str, free: set[str]) -> None:
    """Messages of registered devices, for codecs and for births that are known; strangers' where they are let in by now."""
    (tmp_path / "devices.yaml").write_text("devices: [{id: m1, domain: water}]")
    database = Database(tmp_path / "journal.db")
    database.open()
    for key, cause in (("m1", WaitCause.UNKNOWN_DEVICE), ("m2", WaitCause.UNKNOWN_DEVICE), ("c", WaitCause.CODEC)):
        waits = QuarantinedMessage(cause, key, None, "t/x", b"{}", retain=False, arrival_ms=NOW_MS, device="x", domain="water")
        database.run_here(quarantine.add, [waits], 2**20)
    database.run_here(keyvalue.put_all, {f"{BIRTH}g/n": "no birth"})

    async def story() -> None:
        config = config_of(tmp_path)
        devices = config.devices.model_copy(update={"unknown": unknown})
        parts = Parts(config.model_copy(update={"devices": devices}), database, SetClock(NOW_MS))
        assert {*parts.waiting.released.pop_all()} == free
        assert database.run_here(keyvalue.get_prefix, BIRTH) == {}, "one that cannot be read is forgotten"

    asyncio.run(story())
    database.close()


def test_stamps_of_each_term_have_a_parity_of_their_own_before_the_session_is_opened(tmp_path: Path) -> None:
    database = Database(tmp_path / "journal.db")
    database.open()

    async def story() -> None:
        parts = Parts(config_of(tmp_path, **PAIR), database, SetClock(NOW_MS))
        evaluator, watch = parts.processing.processor.evaluator, parts.pairing.watch
        assert watch is not None
        opening = asyncio.create_task(_permitted(watch, evaluator))
        await asyncio.sleep(0)
        assert not opening.done()
        watch.standby.synced(0.0)
        watch.standby.decide(100.0)
        watch._decide()  # noqa: SLF001 - as at each look
        await opening
        assert (watch.standby.term, evaluator.parity) == (1, 1)

    asyncio.run(story())
    database.close()


def test_a_processor_apart_believes_times_as_its_rules_say() -> None:
    rules = time_rules(Config())
    made = processor_apart({}, Profiles(), rules)
    assert made.rules is rules
    trust = ClockTrust(not_before_ms=5, max_future_ms=1)
    assert processor_apart({}, Profiles(), rules, trust).trust is trust
