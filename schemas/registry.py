"""The registry as a model: ``devices.yaml``, the devices a utility has put up and the names of its areas."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import date, timedelta
from functools import lru_cache, partial
from typing import Annotated, Final, Literal, NamedTuple, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from schemas.device_ids import device_id, one_spelling
from schemas.durations import LONGEST_MS, parse_duration, parse_offset_ms
from schemas.quantities import RAISED_BY
from schemas.topics import NAME_PATTERN, NO_IDS

CONTRACT: Final = "contract"
CLOCK_OFFSET: Final = "clock_offset"
READING_DAY: Final = "reading_day"
READING_DAY_MAX: Final = 28
PARAMETERS: Final[dict[str, str]] = {
    "interval_s": "traffic: seconds that a count stands for, where the device does not send them",
    "pulse_weight": "what one pulse of a meter is worth, in the unit its profile names",
    "ct_ratio": "current transformer: primary by secondary current",
    "vt_ratio": "voltage transformer: primary by secondary voltage",
    "nominal_voltage_v": "power: of a phase, for alarms; 220 where it is left out",
    "q3_m3_h": "water: Q3 of the meter, as its label says: what is above it by a quarter is a step to confirm",
    "phases": "power: of the meter, 3 where it is left out",
    "rated_a": "power: what a phase of the meter may carry: what is above it by a fifth is a step to confirm",
    "rated_current_a": "power: what a phase may carry, for alarms, and for steps where rated_a is left out",
    "rated_power_va": "power: what a transformer may carry, for alarms",
    "level_low_m": "water: a tank's level below which there is an alarm",
    "level_high_m": "water: a tank's level above which there is an alarm",
    CONTRACT: "number of the customer's contract, for billing: it is personal data",
    READING_DAY: "day of the month, 1 to 28, on which a month of billing begins; else time.reading_day",
    "night_flow_m3_h": "water: the lowest flow of a night without a leak",
    "tank_area_m2": "water: a tank's base area: with its level, what its balance has in store",
    "loss_limit_pct": "a parent: the share of what it measures that may be lost behind it in a day, for alarms",
    CLOCK_OFFSET: "how much too much its clock shows, 7h or -20min: its times are reduced by it",
    **{name: f"power: the most V believed of {', '.join(raised)}" for name, raised in RAISED_BY.items()},
}
"""Parameters with a meaning of their own. Any other is for the profile that asks for it."""

_CONFIG: Final = ConfigDict(extra="forbid", allow_inf_nan=False)
_EUI = re.compile(r"[0-9A-Fa-f]{16}|[0-9A-Fa-f]{2}(?:([-:])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){6}")


def plain_name(model: str) -> str:
    """A model's name without what people write in different ways: case, spaces, dashes."""
    return "".join(letter for letter in model.lower() if letter.isalnum())


def device_key(device_id: str) -> str:
    """Return the key of a device's id: an EUI in lower case without dashes, any other id as it is.

    People copy an EUI from the label (``24-E1-24-13-6D-00-00-01``); network servers send it in lower case.
    """
    return device_id.replace("-", "").replace(":", "").lower() if _EUI.fullmatch(device_id) else device_id


def source_key(source: str) -> str:
    """Return the key of all spellings of a source: the :func:`device_key` of its id."""
    return device_key(device_id(source))


def is_same_source(one: str, other: str) -> bool:
    """Tell if two names mean one meter: equal, or an EUI written in two ways."""
    return one == other or device_key(one_spelling(one)) == device_key(one_spelling(other))


def _name(text: str) -> str:
    if text in NO_IDS:
        raise ValueError(f"{text!r} is not a name: it means a folder")
    return text


def _seconds(value: object) -> timedelta:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            value = timedelta(milliseconds=round(value * 1000))
        except (OverflowError, ValueError):
            raise ValueError(f"{value!r} is not a number of seconds") from None
    interval: timedelta = parse_duration(value)
    if not timedelta(0) < interval <= timedelta(milliseconds=LONGEST_MS):
        raise ValueError("a span of time here is longer than nothing and at most a hundred years")
    return interval


ParamValue = float | int | str | bool
MeterRole = Literal["supply", "between", "use"]
ROLES: Final = get_args(MeterRole)
"""What a meter may be, in the order of the flow."""


def _shared(params: dict[str, ParamValue]) -> dict[str, ParamValue]:
    """The parameters as one object for all devices that have the same: thousands of meters have one pulse weight."""
    if CLOCK_OFFSET in params:
        parse_offset_ms(params[CLOCK_OFFSET])
    day = params.get(READING_DAY, 1)
    if type(day) is not int or not 1 <= day <= READING_DAY_MAX:
        raise ValueError(f"{day!r} is not a reading day, which is from 1 to {READING_DAY_MAX}")
    return _params(tuple((name, type(value), value) for name, value in params.items()))


@lru_cache(maxsize=1024)
def _params(items: tuple[tuple[str, type, ParamValue], ...]) -> dict[str, ParamValue]:
    return {name: value for name, _, value in items}


def _listed(value: object) -> object:
    """Several ids as one text, and a text with any commas and spaces between them as it is kept."""
    if isinstance(value, str):
        value = value.replace(",", " ").split() or value
    return ", ".join(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value


def _names(text: str) -> str:
    for name in text.split(", "):
        _name(name)
    return text


Name = Annotated[
    str,
    Field(pattern=f"^{NAME_PATTERN}$", json_schema_extra={"not": {"enum": sorted(NO_IDS)}}),
    AfterValidator(_name),
]
Names = Annotated[
    str,
    BeforeValidator(_listed, json_schema_input_type=Name | list[Name]),
    Field(pattern=f"^{NAME_PATTERN}(?:, {NAME_PATTERN})*$"),
    AfterValidator(_names),
]
"""One id, or several with a comma and a space between them; a list is taken too."""
Text = Annotated[str, Field(min_length=1, max_length=200)]
Interval = Annotated[
    timedelta,
    BeforeValidator(_seconds, json_schema_input_type=str | float),
    Field(description="Expected from one reading to the next: 15min, 1h, or a number of seconds.", examples=["15min"]),
]
SilentAfter = Annotated[
    timedelta,
    BeforeValidator(_seconds, json_schema_input_type=str | float),
    Field(description="Silent when nothing came for so long; three intervals where it is left out.", examples=["2h"]),
]
Params = Annotated[
    dict[Text, ParamValue],
    AfterValidator(_shared),
    Field(description="; ".join(f"{name}: {what}" for name, what in PARAMETERS.items()) + "; and what the profile asks for."),
]


@dataclass(frozen=True, slots=True, config=_CONFIG)
class RegisteredDevice:
    """One device that a utility has put up."""

    id: Annotated[
        Name,
        Field(
            description="The measuring place, unique. Without source as in the topic or the envelope; an EUI in any writing."
        ),
    ]
    source: Annotated[
        Text | None,
        Field(description="The name that the meter or its radio sends under, in any letters; if left out, the id."),
    ] = None
    site: Annotated[Name | None, Field(description="Where it is.")] = None
    domain: Annotated[Literal["water", "power", "traffic", "urban"] | None, Field(description="What it measures.")] = None
    area: Annotated[Name | None, Field(description="Code of its area, one of `areas`.")] = None
    parent: Annotated[
        Names | None,
        Field(
            description="Id of the device that measures what flows to this one, and to others: for balances."
            " A list, where it comes through several together."
        ),
    ] = None
    role: Annotated[
        MeterRole | None,
        Field(
            description="What a meter is: supply: what comes in; between: on the way; use: a customer's. If left out: between,"
            " if it is a parent, else use."
        ),
    ] = None
    customers: Annotated[
        int | None,
        Field(ge=0, le=1_000_000, description="How many customers there are behind it, registered or not."),
    ] = None
    profile: Annotated[Text | None, Field(description="The profile that reads its messages.")] = None
    model: Annotated[Text | None, Field(description="The maker's name of the model.")] = None
    serial: Annotated[Text | None, Field(description="Serial number, in quotes.", examples=["00012074"])] = None
    interval: Interval | None = None
    silent_after: SilentAfter | None = None
    lat: Annotated[float | None, Field(ge=-90, le=90, description="Latitude, WGS 84.")] = None
    lon: Annotated[float | None, Field(ge=-180, le=180, description="Longitude, WGS 84.")] = None
    address: Annotated[Text | None, Field(description="The postal address, or how to find it.")] = None
    installed: Annotated[date | None, Field(description="When it was put up.")] = None
    params: Params = Field(default_factory=partial(_params, ()))

    @property
    def parents(self) -> tuple[str, ...]:
        """The ids in ``parent``."""
        return tuple(self.parent.split(", ")) if self.parent else ()

    @property
    def clock_offset_ms(self) -> int | None:
        """The ms that its clock shows too much, as a person said; None: nobody has."""
        return parse_offset_ms(self.params[CLOCK_OFFSET]) if CLOCK_OFFSET in self.params else None


COLUMNS: Final = tuple(field.name for field in fields(RegisteredDevice))
"""The keys of a device, in the order they are written; ``params`` is the last."""


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Registry:
    """All registered devices, and the names of areas by their code. A code never changes; names do.

    A key with nothing behind it is one without entries yet.
    """

    areas: Annotated[
        dict[Name, Text],
        BeforeValidator(lambda areas: {} if areas is None else areas, json_schema_input_type=dict[Name, Text] | None),
        Field(description="Code → name. A code never changes once given: it stands on every point."),
    ] = Field(default_factory=dict)
    devices: Annotated[
        list[RegisteredDevice],
        BeforeValidator(
            lambda devices: [] if devices is None else devices, json_schema_input_type=list[RegisteredDevice] | None
        ),
    ] = Field(default_factory=list)

    def by_id(self) -> dict[str, RegisteredDevice]:
        """Id, and :func:`source_key` of the id and of the source → device."""
        found = {source_key(device.source): device for device in self.devices if device.source is not None}
        found |= {device_key(device.id): device for device in self.devices}
        return found | {device.id: device for device in self.devices}


registry_adapter: Final = TypeAdapter(Registry)
device_adapter: Final = TypeAdapter(RegisteredDevice)
devices_adapter: Final = TypeAdapter(list[RegisteredDevice])


class Clash(NamedTuple):
    """A name that two devices claim.

    :ivar before: place of the one that stands first, counted from 0.
    :ivar place: place of the other one.
    :ivar key: the key with which the other one claims it: ``id`` or ``source``.
    """

    before: int
    place: int
    key: Literal["id", "source"]


def clashes(devices: Iterable[RegisteredDevice]) -> Iterator[Clash]:
    """Devices that are registered twice, that have one source, or the source of one is the id of another."""
    owners: dict[str, int] = {}
    listed = list(devices)
    for place, device in enumerate(listed):
        before = owners.setdefault(device_key(device.id), place)
        if before != place:
            yield Clash(before, place, "id")
    for place, device in enumerate(listed):
        if device.source is None:
            continue
        before = owners.setdefault(source_key(device.source), place)
        if before != place:
            yield Clash(before, place, "source")
