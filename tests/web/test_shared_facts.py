"""Accounts with a limit, those of agencies, are shown facts of their devices that somebody chose for them."""

from typing import Final

from gateway.core.devices.device import Device
from gateway.core.status.ladder import ladder
from gateway.core.status.rungs import DeviceEvidence
from gateway.core.status.silence import Silence
from gateway.monitoring.status.known_devices import KnownDevices
from gateway.web.devices.device_documents import SHARED, FoundDevice, shared_document, shared_part
from gateway.web.devices.device_list import listed_device
from schemas.registry import RegisteredDevice
from tests.core.making import NOW_MS, pipeline

WORKED_OUT = {"fate", "level", "result"}
"""Of its messages, what is worked out anew for them."""
NOT_SHARED: Final[frozenset[str]] = frozenset()
"""Facts of a device in lists that agencies do not see."""


def test_a_fact_of_a_device_is_for_agencies_only_if_the_list_says_so() -> None:
    core, device = pipeline(), Device("m1", RegisteredDevice("m1", site="s1", domain="water", area="p-01"))
    listed = listed_device(device, KnownDevices(core.streams, Silence(), core.rules), NOW_MS)
    point = {"tags": {"device": "m1"}, "fields": {"flow_m3_h": 1.5}}
    document = {**listed, "result": {"points": [point, {"tags": {"device": "m2"}}]}, "fate": "taken", "a new fact": 1}
    shared = shared_document(FoundDevice(document, ladder(DeviceEvidence(now_ms=NOW_MS, rules=core.rules))))
    assert shared.keys() - WORKED_OUT == listed.keys() & SHARED
    assert listed.keys() - SHARED == NOT_SHARED, (
        "may agencies see it? Then write it into SHARED of gateway/web/devices/device_documents.py, and say so in "
        "docs/sharing.md; else into NOT_SHARED of this test"
    )
    assert shared["result"] == {"points": [point], "points_left_out": 0}


def test_agencies_do_not_see_the_contract_of_a_customer() -> None:
    assert shared_part({"params": {"contract": "HD-1", "pulse_weight": 10}}) == {"params": {"pulse_weight": 10}}
