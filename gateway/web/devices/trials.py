"""Payloads tried over HTTP: by programs, and on a page."""

import asyncio
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from gateway.core.message import WaitCause
from gateway.ingest.storage import quarantine
from gateway.onboarding.trials.recordings import RecordedMessage, faults_of, message_of
from gateway.onboarding.trials.request import TrialRequest, compare, tried_document, try_message
from gateway.onboarding.trials.trial import TriedMessage
from gateway.support.access.accounts import AccountRole
from gateway.support.config import bundled_profiles
from gateway.support.config.files import ConfigurationFault
from gateway.web.http.answers import some_at_a_time
from gateway.web.http.handlers import Touches, json_of, language_of
from gateway.web.routing import PageParts, RouteGroup, changes, reads
from schemas.topics import parse_topic

_BODY: Final = "body"
_FORMS: Final = {"text": "payload", "hex": "payload_hex", "base64": "payload_base64"}
"""Form of a payload on the page → its key in a request."""
_AT_A_TIME: Final = 200
_LOOKED_AT: Final = 5000
"""Most last messages that a changed profile is asked about."""
_NOTHING_GIVEN: Final = {"payload": "", "form": "text", "topic": "", "profile": "", "profile_text": "", "arrival_ms": ""}


class TrialPages(RouteGroup):
    """Trials. They change nothing, but cost more than a page: they are not for everybody."""

    def __init__(self, parts: PageParts) -> None:
        super().__init__(parts)
        self._one_at_a_time = asyncio.Lock()

    @changes("/api/decode", AccountRole.TECHNICIAN, "payload tried", Touches.NOTHING)
    async def _decode(self, request: web.Request) -> web.Response:
        """Answer with each step of one payload and the points, as ``gateway decode`` would. Nothing is written."""
        try:
            tried = await self._try(json_of(await request.text()))
        except ValueError as error:
            return web.json_response({"error": f"{_BODY}: {error}"}, status=400)
        except ConfigurationFault as fault:
            return web.json_response({"error": str(fault)}, status=400)
        return web.json_response(tried_document(tried, language_of(request, self._config.language)))

    @reads("/try")
    async def _empty_page(self, request: web.Request) -> web.Response:
        """The form, with the newest message of a key of the quarantine where one is named."""
        key, cause = request.query.get("waiting"), request.query.get("cause", "")
        given: dict[str, object] = dict(_NOTHING_GIVEN)
        if key is not None and cause in set(WaitCause):
            _, newest = await self._turns.read(self._database, quarantine.newest, key, WaitCause(cause))
            if newest is not None:
                given |= {"topic": newest.topic, "arrival_ms": newest.arrival_ms, **_written(newest.payload)}
        return self._answer(request, given)

    @changes("/try", AccountRole.TECHNICIAN, "payload tried", Touches.NOTHING)
    async def _page(self, request: web.Request) -> web.Response:
        """The page with the outcome of a form."""
        form = {name: str(text) for name, text in (await request.post()).items()}
        given = _NOTHING_GIVEN | {name: text for name, text in form.items() if name in _NOTHING_GIVEN}
        known = {name: given[name] for name in ("topic", "profile", "profile_text", "arrival_ms") if given[name].strip()}
        payload = given["payload"] if given["form"] == "text" else "".join(given["payload"].split())
        if "compare" in form:
            return await self._compared(request, given)
        try:
            tried = await self._try({_FORMS.get(given["form"], _BODY): payload, **known})
        except ConfigurationFault as fault:
            return self._answer(request, given, fault=fault.lines)
        language = language_of(request, self._config.language)
        return self._answer(request, given, tried=tried_document(tried, language), guess=tried.guess, missing=tried.missing)

    async def _compared(self, request: web.Request, given: Mapping[str, str]) -> web.Response:
        """The page with a comparison of a changed profile and the active ones."""
        recorded = [message async for some in self._turns.each(self._last_messages()) for message in some]
        try:
            async with self._one_at_a_time:
                found = await asyncio.to_thread(compare, self._config, given["profile_text"], recorded[-_LOOKED_AT:])
        except ConfigurationFault as fault:
            return self._answer(request, given, fault=fault.lines)
        return self._answer(request, given, comparison=found)

    def _last_messages(self) -> Iterator[list[RecordedMessage]]:
        """The last messages of devices that are not native, some at a time."""
        for some in some_at_a_time(self._devices.all(), _AT_A_TIME):
            yield [
                RecordedMessage(message_of(last.message.topic, bytes(last.message.payload)), last.now_ms)
                for last in [device.last_message for device in some]
                if last is not None and parse_topic(last.message.topic) is None
            ]

    async def _try(self, asked: object) -> TriedMessage:
        """Try one message, one at a time; ConfigurationFault if it cannot be tried, or the configuration is faulty."""
        try:
            request = TrialRequest.model_validate(asked)
            async with self._one_at_a_time:
                return await asyncio.to_thread(try_message, self._config, request)
        except ValidationError as error:
            raise ConfigurationFault(faults_of(error, _BODY)) from error
        except (ValueError, RecursionError) as error:
            raise ConfigurationFault([f"payload: {error}"]) from error

    def _answer(self, request: web.Request, given: Mapping[str, object], **outcome: Any) -> web.Response:  # noqa: ANN401 - for a template
        shown = {"tried": None, "guess": None, "missing": None, "fault": None, "comparison": None} | outcome
        profiles = sorted(bundled_profiles.names())
        return self._pages.page(request, "try", given=given, profiles=profiles, forms=tuple(_FORMS), **shown)


def _written(payload: bytes) -> dict[str, object]:
    """A payload in the form that shows it best."""
    try:
        return {"payload": payload.decode(), "form": "text"}
    except UnicodeDecodeError:
        return {"payload": b64encode(payload).decode(), "form": "base64"}
