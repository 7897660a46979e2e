"""A key of ``devices.yaml`` is everywhere that people meet keys, and of each it is decided who may see it."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from gateway.commands.devices import registering
from gateway.core.devices.device import Device
from gateway.core.status.silence import Silence
from gateway.monitoring.status.known_devices import KnownDevices
from gateway.support.i18n.registry_words import REGISTRY_WORDS
from gateway.support.registry.changes import PLACE
from gateway.web.devices.device_documents import SHARED
from gateway.web.devices.device_list import listed_device
from schemas.registry import COLUMNS, RegisteredDevice
from tests.core.making import NOW_MS, pipeline
from tests.rows import each_row

CHECKOUT: Final = Path(__file__).parents[2]

SEARCHED, ON_PAGE, IN_API, MOVES, PERSONAL, AGENCIES = "searched", "on its page", "in /api", "moves", "personal", "agencies"
KEYS: Final = {
    "id": {IN_API, SEARCHED, PERSONAL, AGENCIES},
    "source": {PERSONAL},
    "site": {IN_API, ON_PAGE, SEARCHED, MOVES, AGENCIES},
    "domain": {IN_API, ON_PAGE, AGENCIES},
    "area": {IN_API, ON_PAGE, SEARCHED, MOVES, AGENCIES},
    "parent": {MOVES},
    "role": set(),
    "customers": set(),
    "profile": {IN_API, ON_PAGE, SEARCHED, AGENCIES},
    "model": {IN_API, ON_PAGE, SEARCHED, AGENCIES},
    "serial": {IN_API, ON_PAGE, SEARCHED, PERSONAL, AGENCIES},
    "interval": {IN_API, ON_PAGE, AGENCIES},
    "silent_after": {IN_API, AGENCIES},
    "lat": {IN_API, MOVES, PERSONAL, AGENCIES},
    "lon": {IN_API, MOVES, PERSONAL, AGENCIES},
    "address": {IN_API, ON_PAGE, SEARCHED, MOVES, PERSONAL, AGENCIES},
    "installed": {IN_API, ON_PAGE, AGENCIES},
    "params": {IN_API, ON_PAGE, AGENCIES},
}
"""Key → where it is, and who sees it. A key that leads to a person is ``PERSONAL``; accounts with a limit are ``AGENCIES``."""
IN_DOCUMENTS: Final = {"interval": "interval_s", "silent_after": "silent_after_s"}
"""Keys that have another name in documents."""
NOT_IMPORTED_OFTEN: Final = {"source", "silent_after"}
FULL: Final = RegisteredDevice(
    id="m1",
    source="meter",
    site="s1",
    domain="water",
    area="p-01",
    parent="m0, m00",
    role="use",
    customers=4,
    profile="native",
    model="WM-4",
    serial="8254",
    interval=timedelta(minutes=15),
    silent_after=timedelta(hours=1),
    lat=10.5,
    lon=106.25,
    address="12 Lê Lợi",
    installed=date(2026, 10, 31),
    params={"q3_m3_h": 4.0},
)


def text_of(*parts: str) -> str:
    return CHECKOUT.joinpath(*parts).read_text(encoding="utf-8")


def named_in_code(pattern: str, *parts: str) -> set[str]:
    return set(re.findall(pattern, text_of(*parts)))


def test_of_each_key_it_is_decided_where_it_is_and_who_sees_it() -> None:
    undecided = set(COLUMNS) ^ set(KEYS)
    assert undecided == set(), "give it a row in KEYS of this file: docs/recipes/registry-field.md says what to decide"


@each_row("key", [key for key in COLUMNS if key not in {"id", "params"}])
def test_a_key_can_be_given_by_form_option_file_and_spreadsheet(key: str) -> None:
    form = text_of("gateway", "web", "templates", "register_device.html")
    assert re.search(rf'field\("{key}"|name="{key}"', form), "gateway/web/templates/register_device.html has no field for it"
    assert key in registering._KEYS, "_KEYS of gateway/commands/devices/registering.py has no option for it"  # noqa: SLF001
    told = text_of("deploy", "devices.yaml").partition("# Keys of a device:")[2].partition("Only id is required")[0]
    assert key in re.findall(r"\w+", told), "the comment at the head of deploy/devices.yaml does not name it"
    if key not in NOT_IMPORTED_OFTEN:
        both = REGISTRY_WORDS["import_means"]
        named = [key in re.findall(r"\w+", text) for text in (both.vi, both.en)]
        assert named == [True, True], "import_means of gateway/support/i18n/registry_words.py does not name it"


def which_have(what: str) -> set[str]:
    return {key for key, has in KEYS.items() if what in has}


def in_documents(keys: set[str]) -> set[str]:
    return {IN_DOCUMENTS.get(key, key) for key in keys}


def test_keys_are_where_they_are_said_to_be() -> None:
    core = pipeline()
    devices = KnownDevices(core.streams, Silence(), core.rules, {"p-01": "An Bình"})
    document = listed_device(Device("m1", FULL), devices, NOW_MS).keys()
    assert in_documents(set(COLUMNS)) & document == in_documents(which_have(IN_API)), "/api: entry_document, device_document"
    shown = named_in_code(r'document(?:\.get\(|\[)"(\w+)"', "gateway", "web", "devices", "device_view.py")
    assert in_documents(set(COLUMNS)) & shown - {"id"} == in_documents(which_have(ON_PAGE)), "the page: _about"
    searched = named_in_code(r"\bentry\.(\w+)", "gateway", "web", "devices", "device_list.py") | {"id"}
    assert set(COLUMNS) & searched == which_have(SEARCHED), "the search: _fits of gateway/web/devices/device_list.py"
    assert set(PLACE) == which_have(MOVES), "a move: PLACE of gateway/support/registry/changes.py"


def test_agencies_see_the_keys_that_are_said_to_be_theirs_and_the_page_on_personal_data_names_its_own() -> None:
    assert in_documents(set(COLUMNS)) & SHARED == in_documents(which_have(AGENCIES)), "SHARED, and docs/sharing.md"
    row = text_of("docs", "privacy.md").partition("| `registry.json`")[2].partition("\n")[0]
    assert set(COLUMNS) & set(re.findall(r"`(\w+)`", row)) == which_have(PERSONAL), "docs/privacy.md: the row of registry.json"
