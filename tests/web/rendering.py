"""PageRenderer as the gateway renders them, without a gateway."""

import csv
import warnings
from functools import lru_cache
from typing import Any, cast

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.core.alarms.alarm import Change
from gateway.core.alarms.shipped import SHIPPED
from gateway.core.ledger import ENDS
from gateway.core.message import Refusal, WaitCause
from gateway.ingest.database.store import TimeSpan
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.quarantine import QuarantineUse, WaitingKey
from gateway.ingest.storage.reject_account import CountedRejects
from gateway.ingest.storage.rejects import RejectFilter
from gateway.monitoring.exports.open_files import OpenFile
from gateway.monitoring.status.status import Status
from gateway.onboarding.trials.recordings import Guess, GuessBasis
from gateway.onboarding.trials.request import ComparedMessage, ProfileComparison
from gateway.onboarding.trials.trial import MissingKind, MissingStep
from gateway.support.access.accounts import AccountRole, UserAccount
from gateway.support.config.model import Config
from gateway.support.i18n.alarm_words import rule_document
from gateway.web.devices.new_devices import NOTHING_KNOWN
from gateway.web.http.answers import Turns
from gateway.web.http.handlers import ACCOUNT, Listing, ListQuery
from gateway.web.http.pages import PageRenderer
from gateway.web.routing import PageParts
from gateway.web.views.completeness import MonthReport
from schemas.enrolment import Enrolment
from schemas.rejects import RejectReason
from tests.web.rendered_figures import FIGURES

REFUSAL = Refusal(RejectReason.BAD_JSON, "the payload is empty", "t/m1", b"?", "decode", 1000, "m1", "water")
TRIED: dict[str, Any] = {
    "topic": "t",
    "device": "m1",
    "profile": "native",
    "points": [
        {"measurement": "water", "tags": {"device": "m1"}, "time_ms": 0, "fields": {"ph": 7.5, "pump_on": True, "quality": 3}}
    ],
    "dropped": [{"path": "x", "cause": "unknown_key"}],
    "ignored": None,
    "reject": {"reason": "bad_json", "detail": "a word of a maker's codec"},
    "waits": {"cause": "codec", "for": "c"},
    "steps": [{"what": "topic", "value": "t"}],
    "if_registered": None,
}
ALARM: dict[str, Any] = {
    "id": "leak@m1",
    "alarm": "leak",
    "severity": "warning",
    "area": "a1",
    "device": "m1",
    "domain": "water",
    "site": "s1",
    "active": True,
    "since_ms": 0,
    "until_ms": None,
    "value": 1.5,
    "field": "flow_m3_h",
    "text": {"vi": "Nghi rò rỉ.", "en": "A leak is suspected."},
    "advice": {"vi": "Tìm chỗ rò.", "en": "Look for it."},
    "acknowledged": None,
    "overdue": 2,
    "silenced": True,
    "simulated": True,
}
KNOWN = {"acknowledged": {"by": "Lan", "at_ms": 0, "note": "x"}}
CHANGES = [ALARM | KNOWN | {"change": change.value, "at_ms": 1, "changes": 2} for change in Change]
PLANNED = {"number": 1, "site": "s1", "device": "", "since_ms": 0, "until_ms": 1, "by": "Lan", "note": "x"}
ENTRY = {
    "number": 1,
    "at_ms": 0,
    "name": "Lan",
    "role": "admin",
    "action": "work planned",
    "subject": {},
    "after": {"by": "<b>"},
}
TECHNICIAN = UserAccount("Lan", AccountRole.TECHNICIAN, b"")
ADMIN = UserAccount("Bình", AccountRole.ADMIN, b"")
_COUNTS = {"registered": 12345, "reporting": 11987, "silent": 312, "new": 20, "unknown": 26}
_STATUS = {
    "version": "0",
    "commit": "unknown",
    "gateway": "gateway-1",
    "since": 0,
    "mqtt": {"connected": True},
    "standby": {"machine": "a", "role": "passive", "term": 3, "others": {"b": "live"}, "awaited_journals": []},
    "influxdb": {"up": True},
    "link": {"bytes_per_s": 12_000, "max_bytes_per_s": 20_000},
    "journal": {"seconds_to_full": 7200.0},
    "catch_up": {"readings_left": 5, "readings_in": 7, "per_s": 1.0, "seconds_left": 5.0, "since": 0},
    "codecs": {"suspended": {"c.js": "overran"}, "confinement": None},
    "clock_trusted": True,
    "ledger": dict.fromkeys(("received", *ENDS, "imbalance"), 0) | {"pending": {"memory": 0, "journal": 5, "quarantine": 1}},
    "written": {"water": 1},
    "rejects": {"bad_json": 1},
    "rejects_kept": {"no_birth": 2},
    "dropped": {"sentinel": 1},
    "devices": {"online": 1, "silent": 0, "new": 0, "unknown": 0},
    "unregistered": 1,
}
_LINE = "kind,device,counter,from_register,to_register,used,mark,month,channel,contract,from_time,to_time,cause"
BILLED = next(csv.DictReader([_LINE, "use,m1,volume_m3,1,4,3,estimated,,,,,,"]))

GIVEN: dict[str, dict[str, Any]] = {
    **FIGURES,
    "start": {
        "now_ms": 0,
        "s": _STATUS,
        "level": "attention",
        "reasons": [{"text": "<b>", "link": "/devices?state=silent", "detail": "<i>", "level": "attention"}],
        "broker_reached": True,
        "known": 1,
        "alarms": [ALARM, ALARM | KNOWN],
        "areas": {},
        "is_named": False,
        "more_alarms": 0,
        "chart": "",
        "outcomes": ENDS,
        "coverage": {"total": _COUNTS, "domains": [{"domain": "water", **_COUNTS}], "has_areas": True},
        "quarantine": {
            "messages": 1,
            "bytes": 2048,
            "max_bytes": 2**28,
            "by_cause": {"unknown_device": 1},
            "keys": [{"key": "m9", "cause": "unknown_device", "messages": 1, "since": 0}],
        },
    },
    "coverage": {
        "at": 0,
        "total": _COUNTS,
        "list": Listing(ListQuery({}, 1, ""), [{"area": None, "name": None, "domain": None, **_COUNTS}], 1),
    },
    "device": {"device": "m1", "shown": None},
    "exports": {
        "list": Listing(
            ListQuery({}, 1, ""), [OpenFile("open-2026-10-31-water.csv.gz", "2026-10-31", "water", 9, 512, "0", 1)], 1
        ),
        "described": ["catalog.jsonld"],
        "is_nightly": True,
        "keep_s": 86400.0,
        "least": 10,
    },
    "shared_device": {
        "device": "m1",
        "shown": {
            "alarms": [{"text": "x", "severity": "y", "since": "z", "advice": ""}],
            "newest": [],
            "older": [],
            "registers": [],
            "about": [],
        },
        "document": {"level": "good", "state": "online", "now": 5000, "last_seen": 1000},
    },
    "devices": {
        "now_ms": 0,
        "list": Listing(ListQuery({}, 1, ""), [], 0),
        "offered": [],
        "most_offered": 0,
        "states": [],
        "domains": [],
        "roles": ["supply", "between", "use"],
    },
    "register": {
        "now_ms": 0,
        "search": "",
        "newcomers": [],
        "left_out": 0,
        "known": [],
        "unheard": "",
        "retired": "",
        "quantities": {},
    },
    "register_device": {
        "device": "m1",
        "entry": None,
        "explained": None,
        "fields": {},
        "params": {},
        "demanded": {},
        "faults": {},
        "has_fields_at_fault": False,
        "trouble": "",
        "outside": [],
        "seen": "",
        "known": NOTHING_KNOWN,
        "areas": {},
        "parents": [],
        "profiles": [],
        "domains": [],
        "roles": ["supply", "between", "use"],
        "may_save": True,
        "may_retire": True,
        "done": "",
        "waited": "",
        "quantities": {},
    },
    "exchange": {
        "device": "m1",
        "counters": [{"name": "volume_m3,lane=1", "value": 5.5, "time_ms": 0}, {"name": "volume_reverse_m3", "value": None}],
        "fields": {"final": "1"},
        "faults": {"final": "'q' is not a number"},
        "has_fields_at_fault": True,
        "may_force": True,
        "may_save": True,
        "done": False,
    },
    "import": {
        "may_save": True,
        "most": 0,
        "rows": "id,site\r\nm1,s1\x1b",
        "seen": "",
        "counts": None,
        "changes": [],
        "left_out": 0,
        "faults": [],
        "trouble": "",
        "done": None,
    },
    "alarms": {
        "list": Listing(ListQuery({}, 1, ""), [ALARM], 1),
        "areas": {"a1": "P. 1"},
        "severities": ["critical"],
        "planned": [PLANNED],
        "rules": [rule_document(SHIPPED.rules[0])],
        "hours": [1],
        "is_named": False,
        "now_ms": 1,
    },
    "alarm_history": {"place": "m1", "changes": CHANGES, "older": "?before=7"},
    "shift": {
        "hours": 8,
        "choices": (8,),
        "since_ms": 0,
        "now_ms": 1,
        "active": [ALARM],
        "active_count": 2,
        "changes": CHANGES,
        "is_all": False,
        "planned": [PLANNED],
        "audit": [ENTRY],
    },
    "audit": {"entries": [ENTRY], "older": 7},
    "rejects": {
        "by_reason": [(CountedRejects("bad_json", 1, 2, 3), 2)],
        "by_device": [(CountedRejects("m1", 1, 2, 3), 1), (CountedRejects("", 0, 0, 1), 0)],
        "chart": "",
        "rows": [(7, REFUSAL, 1)],
        "chosen": RejectFilter("bad_json", "m1"),
        "before": 9,
        "last": 7,
        "link": lambda **_: "?",
    },
    "reject": {"number": 7, "refusal": REFUSAL, "payload": "?", "payload_base64": "Pw=="},
    "steps": {
        "steps": [
            {"device": "m1", "counter": "volume_m3", "before": 1.0, "after": after, "from_ms": 0, "first_ms": 1}
            | {"held_out": max(0.0, after - 1.0), "state": state}
            for after, state in ((9.0, "to_confirm"), (0.5, "to_confirm"), (9.0, "used"))
        ],
        "device": "",
        "exchange": str,
    },
    "amounts": {
        "device": "m1",
        "registers": ["volume_m3"],
        "main": "volume_m3",
        "standing": [{"kind": "estimate", "field": "volume_m3", "from": "1970-01-01", "to": "1970-01-02", "amount": 1.5}],
        "fault": "no answer",
    },
    "billing": {
        "months": {"1970-01": 0},
        "month": "1970-01",
        "month_ms": 0,
        "report": MonthReport("kind", 0, fault="no answer"),
        "list": Listing(ListQuery({}, 1, ""), [BILLED, BILLED | {"kind": "correction", "used": "", "cause": "no reading"}], 2),
        "kinds": {"use": 1, "correction": 1, "step": 1},
        "read_again": 1,
        "days": TimeSpan(0, 86_400_000),
        "has_xlsx": True,
        "totals": [{"counter": "volume_m3", "lines": 1, "used": 2.5, "unknown": 0, "estimated": 1, "suspect": 0}],
        "head": None,
        "digest": "",
        "may_close": True,
        "last_sealed": "1969-12",
        "at": lambda _: 0.0,
        "causes": {"no reading": "?"},
    },
    "quarantine": {
        "keys": [WaitingKey("m2", cause, 3, 0) for cause in WaitCause],
        "stock": QuarantineUse(9, 99, {}),
        "max_bytes": 999,
        "now_ms": 1,
    },
    "try": {
        "given": {"payload": "", "form": "text", "topic": "", "profile": "", "profile_text": "x", "arrival_ms": "1"},
        "profiles": ["native"],
        "forms": ["text", "hex", "base64"],
        "fault": ["is not hexadecimal"],
        "comparison": ProfileComparison(3, [ComparedMessage("m1", {"ph": 7.5}, "bad_json"), ComparedMessage("m2", None, {})]),
        "tried": TRIED,
        "guess": Guess("t", GuessBasis.QUANTITIES, "water"),
        "missing": MissingStep(
            MissingKind.ENABLE, is_active=False, profile="p", device="m1", entry="model: x", file="", folder=""
        ),
    },
    "enrolled": {
        "device": "m1",
        "one": Enrolment("m1", "secret", "broker.example.vn", 8883, "iot/v1/x/water/m1/readings"),
        "code": "",
        "revoked": False,
        "fault": "",
    },
    "login": {"to": "/", "denial": None},
    "refusal": {
        "answered": 404,
        "why": "'m9' was never heard and is not registered; check its id and the topic that it sends to",
    },
}
"""Page → the least that it can be rendered with."""


@lru_cache(maxsize=1)
def pages() -> PageRenderer:
    """Renders pages in Vietnamese, unless a request asks for English."""
    return PageRenderer(Config())


def parts_for(status: object, database: Database | None = None) -> PageParts:
    """The parts of routes that ask a status and a file, and nothing else."""
    nothing: Any = None
    return PageParts(cast("Status", status), database or nothing, nothing, nothing, nothing, nothing, nothing, Turns(), pages())


def let_in(request: web.Request, account: UserAccount) -> web.Request:
    """The request as the door leaves it."""
    with warnings.catch_warnings(action="ignore"):  # a newer aiohttp would have the key typed, an older one has no such keys
        request[ACCOUNT] = account
    return request


def rendered(name: str, path: str = "/", *, account: UserAccount | None = None, **headers: str) -> web.Response:
    """A page as it is answered to a request.

    :param headers: of the request, with ``_`` for ``-``.
    """
    request = make_mocked_request("GET", path, {key.replace("_", "-"): text for key, text in headers.items()})
    if account is not None:
        let_in(request, account)
    return pages().page(request, name, **GIVEN[name])


def page_text(name: str, language: str, *, account: UserAccount | None = None) -> str:
    """The text of a page in a language."""
    return rendered(name, f"/?language={language}", account=account).text or ""
