"""The registry over HTTP: the form of one device, which works without script, and the changes that programs send."""

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from math import inf
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from gateway.onboarding.registration import EntryPair, FileChanged, WrittenChange, entry_document
from gateway.onboarding.registration import is_configured as enrolment_configured
from gateway.support.access.accounts import AccountRole
from gateway.support.config.bundled_profiles import names as shipped_profiles
from gateway.support.config.files import ConfigurationFault
from gateway.support.i18n.registry_words import parameter_words
from gateway.support.registry.changes import PLACE, ChangeRefused, MakeChange, add, edit_device, retire
from gateway.web.devices.device_documents import PARAM, DeviceForm, document_of, fields_of, typed
from gateway.web.devices.new_devices import NOTHING_KNOWN, ExplainDevice, NewDevicePages
from gateway.web.http.answers import Fresh
from gateway.web.http.handlers import Document, account_of, json_of, language_of, note_changes, whole_number
from gateway.web.routing import PageParts, RouteGroup, changes, reads
from schemas.glossary import quantities
from schemas.quantities import DOMAINS
from schemas.registry import CLOCK_OFFSET, COLUMNS, ROLES, RegisteredDevice, device_key

_PARENTS: Final = 200
_OFFSET_LETTERS: Final = 20
_CONFLICT: Final = 409
_UNPROCESSABLE: Final = 422
_DONE: Final = frozenset({"registered", "changed"})


class RegisterPages(RouteGroup):
    """The form of a device, and the changes that it sends."""

    def __init__(self, parts: PageParts, new_devices: NewDevicePages, explain: ExplainDevice) -> None:
        super().__init__(parts)
        self._new_devices = new_devices
        self._registrar = parts.commands.registrar
        self._named_as_parents = Fresh(self._find_parents, inf)
        self._explain = explain

    # Showing.

    @reads("/register/{device}")
    async def _show(self, request: web.Request) -> web.Response:
        return await self.form(request)

    async def form(
        self,
        request: web.Request,
        fields: DeviceForm | None = None,
        *,
        faults: Mapping[str, str] | None = None,
        trouble: str = "",
        outside: Mapping[str, EntryPair] | None = None,
        status: int = 200,
    ) -> web.Response:
        """The page with the form: as the registry or its messages have the device, or as it was typed.

        :param faults: field → the sentence beside it.
        :param outside: changes that others made in the file meanwhile.
        """
        name = self._id(request)
        explained, entry = await self._explain(name), self._devices.entry(name)
        language = language_of(request, self._config.language)
        told = parameter_words(language)
        known = NOTHING_KNOWN if entry is not None else await self._new_devices.introduced(name, explained)
        if fields is None:
            fields = fields_of(entry_document(entry)) if entry is not None else known.fields
            if asked := request.query.get(CLOCK_OFFSET, "")[:_OFFSET_LETTERS]:
                fields = {**fields, f"{PARAM}{CLOCK_OFFSET}": asked}  # from the question about its clock on its page
        demanded = {f"{PARAM}{param}": make.profile for make in known.makes for param in make.params}
        demanded |= {key: fields.get("profile", "") for key in (faults or {}) if key.startswith(PARAM)}
        params = [*(key for key in fields if key.startswith(PARAM)), *demanded]
        return self._pages.page(
            request,
            "register_device",
            status=status,
            device=name,
            entry=entry,
            explained=explained,
            fields=fields,
            params={key: told.get(key.removeprefix(PARAM), "") for key in params},
            demanded=demanded,
            faults=faults or {},
            trouble=trouble,
            has_fields_at_fault=bool((faults or {}).keys() - {"", "id"}),
            outside=[(name, _differing(*pair)) for name, pair in (outside or {}).items()],
            quantities=quantities(language),
            seen=await self._version(),
            known=known,
            areas=self._devices.areas,
            parents=await self._parents(fields.get("domain")),
            profiles=sorted(shipped_profiles() | self._devices.streams.profiles.by_name.keys()),
            domains=DOMAINS,
            roles=ROLES,
            may_save=account_of(request).role >= AccountRole.TECHNICIAN,
            may_enrol=enrolment_configured(self._config),
            may_retire=account_of(request).role >= AccountRole.ADMIN,
            done=done if (done := request.query.get("done")) in _DONE else "",
            waited=whole_number(request.query.get("waited")) or 0,
        )

    def _id(self, request: web.Request) -> str:
        """The id of the device: the registry's spelling, else that under which it was met."""
        name = request.match_info["device"]
        device = self._devices.find(name)
        return device.name if device is not None else name

    async def _version(self) -> str:
        try:
            return await self._registrar.version()
        except ConfigurationFault:  # said when it is saved
            return ""

    async def _parents(self, domain: str | None) -> list[str]:
        """Meters that others have as their parent, of the same domain; most networks have few."""
        named = await self._named_as_parents.get(self._devices.streams.registry)
        return [entry.id for entry in named if entry.domain in {None, domain or entry.domain}][:_PARENTS]

    async def _find_parents(self) -> list[RegisteredDevice]:
        """The devices that are the parent of another one, by name."""
        entries = self._devices.registry_entries()

        def find() -> list[RegisteredDevice]:
            named = {device_key(name) for entry in entries for name in entry.parents}
            return sorted((entry for entry in entries if device_key(entry.id) in named), key=lambda entry: entry.id)

        return await asyncio.to_thread(find)

    # Changing.

    @changes("/register/{device}", AccountRole.TECHNICIAN, "device registered")
    async def _add(self, request: web.Request) -> web.Response:
        fields, seen = await self._typed(request)
        document = {"id": request.match_info["device"], **document_of(fields)}
        return await self._save(request, partial(add, document=document), fields, seen, "registered")

    @changes("/register/{device}/edit", AccountRole.TECHNICIAN, "device changed")
    async def _edit(self, request: web.Request) -> web.Response:
        fields, seen = await self._typed(request)
        make = partial(edit_device, name=request.match_info["device"], document=document_of(fields))
        return await self._save(request, make, fields, seen, "changed")

    @changes("/register/{device}/retire", AccountRole.ADMIN, "device retired")
    async def _retire(self, request: web.Request) -> web.Response:
        name = request.match_info["device"]
        return await self._save(request, partial(retire, name=name), None, None, "retired")

    async def _typed(self, request: web.Request) -> tuple[DeviceForm, str | None]:
        form = await request.post()
        seen = form.get("seen")
        return typed(form, self._devices.areas), seen if isinstance(seen, str) and seen else None

    async def _save(
        self, request: web.Request, make: MakeChange, fields: DeviceForm | None, seen: str | None, done: str
    ) -> web.Response:
        """Make a change, and go on to what became of it; or show the form again with what is wrong."""
        name = request.match_info["device"]
        waited = await self._new_devices.waiting(name)
        try:
            written = await self._registrar.change(make, [name], seen)
        except ChangeRefused as refused:
            return await self.form(request, fields, faults=refused.faults, status=_UNPROCESSABLE)
        except FileChanged:
            outside = await self._registrar.changed_outside()
            return await self.form(request, fields, trouble="file_changed", outside=outside, status=_CONFLICT)
        except ConfigurationFault as fault:
            return await self.form(request, fields, faults={"": str(fault)}, status=_CONFLICT)
        note_written(request, written)
        to = f"/register?retired={quote(name)}" if done == "retired" else f"/register/{quote(name)}?done={done}&waited={waited}"
        return web.Response(status=303, headers={"Location": to})


def note_written(request: web.Request, written: WrittenChange) -> None:
    """Note for the audit log what became of each device."""
    note_changes(request, [details for _, details in written.details])


def _differing(before: Document | None, after: Document | None) -> list[tuple[str, object, object]]:
    """The keys in which two entries of a device differ, with both values."""
    old, new = before or {}, after or {}
    keys = dict.fromkeys((*old, *new))
    return [(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)]


class RegistryPages(RouteGroup):
    """The changes of the registry that programs send.

    A change may say in ``?seen=`` which version of the registry it was made for, and is refused if the file has another one.
    """

    def __init__(self, parts: PageParts, new_devices: NewDevicePages) -> None:
        super().__init__(parts)
        self._new_devices = new_devices
        self._registrar = parts.commands.registrar

    @reads("/api/registry")
    async def _version(self, _: web.Request) -> web.Response:
        """The version of the registry, and the devices in which the file differs from what is active."""
        version, outside = await self._registrar.version(), await self._registrar.changed_outside()
        return web.json_response({"version": version, "changed_outside": _pairs(outside)})

    @changes("/api/devices", AccountRole.TECHNICIAN, "device registered")
    async def _add(self, request: web.Request) -> web.Response:
        document = await _body(request, COLUMNS)
        return await self._answer(request, partial(add, document=document), str(document.get("id", "")), "registered")

    @changes("/api/devices/{device}/edit", AccountRole.TECHNICIAN, "device changed")
    async def _edit(self, request: web.Request) -> web.Response:
        document, name = await _body(request, COLUMNS), request.match_info["device"]
        return await self._answer(request, partial(edit_device, name=name, document=document), name, "changed")

    @changes("/api/devices/{device}/move", AccountRole.TECHNICIAN, "device moved")
    async def _move(self, request: web.Request) -> web.Response:
        document, name = await _body(request, PLACE), request.match_info["device"]
        return await self._answer(request, partial(edit_device, name=name, document=document), name, "moved")

    @changes("/api/devices/{device}/retire", AccountRole.ADMIN, "device retired")
    async def _retire(self, request: web.Request) -> web.Response:
        name = request.match_info["device"]
        return await self._answer(request, partial(retire, name=name), name, "retired")

    async def _answer(self, request: web.Request, make: MakeChange, name: str, done: str) -> web.Response:
        """Make a change of one device, and answer with it or with the reasons against it."""
        waiting = await self._new_devices.waiting(name)
        try:
            written = await self._registrar.change(make, [name], request.query.get("seen"))
        except ChangeRefused as refused:
            return web.json_response({"error": str(refused), "device": refused.device, "faults": refused.faults}, status=409)
        except FileChanged as changed:
            outside = await self._registrar.changed_outside()
            document = {"error": str(changed), "version": changed.version, "changed_outside": _pairs(outside)}
            return web.json_response(document, status=409)
        note_written(request, written)
        answer = {"device": next(iter(written.devices), name), "done": done, "changed": bool(written.devices)}
        return web.json_response({**answer, "waiting": waiting, "version": written.version})


def _pairs(found: Mapping[str, EntryPair]) -> Document:
    return {name: {"before": before, "after": after} for name, (before, after) in found.items()}


async def _body(request: web.Request, keys: Iterable[str]) -> dict[str, Any]:
    """The keys of a device in the body; HTTPBadRequest if it is no JSON object, or has another key."""
    try:
        document = json_of(await request.text())
    except ValueError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("params", {}), dict):
        raise web.HTTPBadRequest(text='send the keys of the device as a JSON object, such as {"site": "xa-01", "area": "A1"}')
    if unknown := sorted(document.keys() - set(keys)):
        raise web.HTTPBadRequest(text=f"{unknown[0][:80]}: there is no such key here; the keys are {', '.join(keys)}")
    return document
