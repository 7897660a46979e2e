"""Types of settings: what people may write for a name, a size, an address, a filter; and the sentence against anything else.

:func:`sentence` makes one of each fault that pydantic finds in configuration, registry, shares and rules.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Final
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field
from pydantic_core import ErrorDetails

from schemas.durations import Duration
from schemas.topics import SPARKPLUG, is_filter, is_name


def check_address(*schemes: str, secrets: str) -> AfterValidator:
    """A check that a text is an address of one of ``schemes``; ``secrets`` says where user and password belong."""

    def check(text: str) -> str:
        if "@" in text:  # nothing after this point is quoted: the end of a password is not known
            raise ValueError(f"an address holds no user and no password; write {secrets}")
        if "?" in text or "#" in text:
            raise ValueError(f"an address ends before ? and #; for a token or password write {secrets}")
        parts = split_url(text)
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(f"{text!r} is not an address; write {schemes[0]}://HOST:PORT (IPv6 as {schemes[0]}://[::1]:PORT)")
        return text

    return AfterValidator(check)


def split_url(text: str) -> SplitResult:
    """The parts of an address; ValueError with a sentence, for an invalid port or an unclosed bracket."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{text!r} is not an address: {error}") from error
    return parts


def is_loopback(host: str) -> bool:
    """Tell if only this machine can reach ``host``."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_filter(text: str) -> str:
    if text.startswith("$share/"):
        raise ValueError(
            f"{text!r} is a share of the readings, of which nobody can work out sums; give each gateway its own sites"
        )
    if not is_filter(text):
        raise ValueError(f"{text!r} is not a topic filter")
    return text


def instead_of_group(mqtt: Mapping[object, object]) -> str:
    """The sentence against ``mqtt.share_group`` of earlier releases, with what takes its place in the section it stands in."""
    filters = mqtt.get("subscriptions")
    written = filters if isinstance(filters, list) and filters else ["iot/v1/+/+/+/readings"]
    shares = dict.fromkeys(share for pattern in written for share in _shares_for(str(pattern)))
    names = dict.fromkeys(str(name) for name in (mqtt.get("share_leader"), mqtt.get("client_id") or "gateway-1") if name)
    gateways = ", ".join([*names, *(["ANOTHER"] if len(names) == 1 else [])])
    expiry = (
        "; leave session_expiry out as well: what waits for a gateway is for it alone now" if "session_expiry" in mqtt else ""
    )
    parts = f"{{gateways: [{gateways}], shares: [{', '.join(shares)}]}}"
    return (
        "share_group is gone: no gateway saw all readings of a device, so none could write its sums; part the sites instead, "
        f"by shares: shares.yaml, the same file at all of them: {parts}; a topic of a profile is {{topic: FILTER}} there "
        f"(docs/several-gateways.md){expiry}"
    )


def _shares_for(pattern: str) -> Iterator[str]:
    """The shares that take what a filter takes; two sites in place of all."""
    space, *levels = pattern.removeprefix("iot/").split("/")
    name = levels[0] if levels else "+"
    is_any = name in {"+", "#"}
    if pattern.startswith("iot/v1/"):
        yield from ("{site: ward-1}", "{site: ward-2}") if is_any else (f"{{site: {name}}}",)
    elif space == SPARKPLUG:
        yield "{group: GROUP}" if is_any else f"{{group: {name}}}"
    else:
        yield f"{{topic: {json.dumps(pattern)}}}"


def _check_keep_alive(span: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= span <= timedelta(minutes=5):
        raise ValueError(f"{span.total_seconds():g} s is not within 1s and 5min")
    return span


def _is_size(value: object) -> bool:
    return (type(value) is int and value >= 0) or (isinstance(value, str) and _SIZE.fullmatch(value) is not None)


_SIZE: Final = re.compile(r"\d{1,18}(?:\.\d{1,18})? *(?:(?:[KMGT]i?)?B)?", re.IGNORECASE)
"""ByteSize reads more: yes as 1, 64kbit, and 64MiB with anything behind it."""


_HOST_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,20}")


_DEVICE_LINK: Final = re.compile(r"https?://.*\{device\}", re.DOTALL)


def _makes(kind: Callable[[str], object], text: str) -> bool:
    """Tell if something can be made of a text."""
    try:
        kind(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _must(hold: Callable[[Any], object], fault: str) -> Callable[[Any], Any]:
    """A check of values; ``fault`` is the sentence against one for which it does not hold."""

    def check(value: Any) -> Any:  # noqa: ANN401 - of any type
        if not hold(value):
            raise ValueError(fault.format(value))
        return value

    return check


SizeBytes = Annotated[ByteSize, BeforeValidator(_must(_is_size, "{!r} is not a size; write for example 262144, 64MiB or 1GiB"))]
LinkBytes = Annotated[SizeBytes, Field(ge=100)]
PositiveDuration = Annotated[
    Duration, AfterValidator(_must(bool, "a device would be silent all the time; write for example 2h"))
]
Filter = Annotated[str, AfterValidator(_check_filter)]
KeepAlive = Annotated[Duration, AfterValidator(_check_keep_alive)]
ClientName = Annotated[str, AfterValidator(_must(is_name, "{!r} may hold 1 to 64 of A-Z a-z 0-9 . _ : -"))]
_NO_ZONE: Final = "{!r} is not a time zone that this machine knows; write for example Asia/Ho_Chi_Minh"
ZoneName = Annotated[str, AfterValidator(_must(partial(_makes, ZoneInfo), _NO_ZONE))]
_NO_HOST: Final = "{!r} is not a name or an address alone; write gateway.example.vn, without https:// and without a port"
HostName = Annotated[
    str,
    AfterValidator(_must(lambda text: _HOST_NAME.fullmatch(text) or _makes(ip_address, text), _NO_HOST)),
    AfterValidator(str.lower),
]
_NO_NETWORK: Final = "{!r} is not an address or a network; write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/64"
AddressOrNetwork = Annotated[str, AfterValidator(_must(partial(_makes, partial(ip_network, strict=False)), _NO_NETWORK))]
_NO_LINK: Final = "{!r} is no link to a device; write https://HOST/..., with {{device}} in place of its id"
DevicePageLink = Annotated[str, AfterValidator(_must(_DEVICE_LINK.match, _NO_LINK))]


_SECRETS: Final = frozenset({"password", "token"})
"""Keys whose values are not shown."""


def sentence(fault: ErrorDetails) -> str:
    """Describe the fault of a value."""
    if "params" in fault["loc"] and len(fault["loc"]) > fault["loc"].index("params") + 2:
        return f"{_shown(fault['input'])} is not a number, text or boolean"
    template = _SENTENCES.get(fault["type"])
    if template is None:
        return fault["msg"].removeprefix("Value error, ")
    value = "this" if _SECRETS.intersection(fault["loc"]) else _shown(fault["input"])
    return template.format(value=value, **fault.get("ctx", {}))


def _shown(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - a line


_SENTENCES: Final[dict[str, str]] = {
    "missing": "is missing",
    **dict.fromkeys(("unexpected_keyword_argument", "extra_forbidden"), "there is no such key"),
    **dict.fromkeys(("model_type", "dataclass_type", "dict_type"), "this is not a mapping of keys and values"),
    "list_type": "{value} is not a list",
    "string_type": "{value} is not a text; put it in quotes",
    "string_pattern_mismatch": "{value} may hold 1 to 64 of A-Z a-z 0-9 . _ : -",
    "string_too_short": "is empty",
    "string_too_long": "{value} is longer than {max_length} characters",
    "literal_error": "{value} is not one of {expected}",
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "{value} is not a number"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "{value} is not a whole number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "{value} is neither true nor false"),
    "path_type": "{value} is not the name of a file",
    "greater_than": "{value} is not more than {gt:g}",
    "greater_than_equal": "{value} is less than {ge:g}",
    "less_than_equal": "{value} is more than {le:g}",
    **dict.fromkeys(
        ("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"),
        "{value} is not a date; write it as 2026-03-14",
    ),
}
