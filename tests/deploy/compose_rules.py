"""The rules of the Compose specification for what our composition uses of it, and ours; nothing else is allowed."""

from typing import Any, Final

_TEXT: Final = {"type": "string", "minLength": 1}
_WORDS: Final = {"type": "array", "items": _TEXT, "minItems": 1}
_WAITED_FOR: Final = ["service_healthy", "service_completed_successfully"]
_EXACT_IMAGE: Final = r"^\$\{(GATEWAY_IMAGE:-localhost/gateway|[A-Z]+_IMAGE:-[a-z/-]+:\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?)\}$"
"""Ours, which people build themselves; those of others in a version that does not move."""
_SPAN: Final = {"type": "string", "pattern": r"^\d+(s|m)$"}


def _closed(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}


def _named(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "patternProperties": {r"^[a-z][a-z0-9_-]*$": values}, "additionalProperties": False}


_SERVICE: Final = _closed(
    {
        "image": {"type": "string", "pattern": _EXACT_IMAGE},
        "user": {"type": "string", "pattern": r"^\d+:\d+$"},
        "restart": {"enum": ["unless-stopped", "no"]},
        "read_only": {"const": True},
        "cap_drop": {"const": ["ALL"]},
        "security_opt": {"const": ["no-new-privileges:true"]},
        "tmpfs": _WORDS,
        "secrets": _WORDS,
        "profiles": _WORDS,
        "volumes": {"type": "array", "items": {"type": "string", "pattern": r"^[\w./-]+:/[\w./-]+(:ro)?$"}},
        "ports": {"type": "array", "items": {"type": "string", "pattern": r"^127\.0\.0\.1:\d+:\d+$"}},
        "environment": {"type": "object", "additionalProperties": _TEXT},
        "entrypoint": _WORDS,
        "command": _WORDS,
        "depends_on": _named(_closed({"condition": {"enum": _WAITED_FOR}}, ("condition",))),
        "stop_grace_period": _SPAN,
        "healthcheck": {
            "oneOf": [
                _closed({"disable": {"const": True}}, ("disable",)),
                _closed({"test": _WORDS, "interval": _SPAN, "start_period": _SPAN}, ("test", "interval", "start_period")),
            ]
        },
    },
    ("image", "restart", "security_opt", "healthcheck"),
)
_NETWORK: Final = _closed(
    {
        "enable_ipv6": {"const": True},
        "ipam": _closed({"config": {"type": "array", "items": _closed({"subnet": _TEXT}, ("subnet",))}}, ("config",)),
    },
    ("enable_ipv6", "ipam"),
)
COMPOSE: Final = {
    **_closed(
        {
            "name": _TEXT,
            "services": _named(_SERVICE),
            "networks": _named(_NETWORK),
            "volumes": _named({"type": "null"}),
            "secrets": _named(_closed({"file": _TEXT}, ("file",))),
        },
        ("name", "services", "networks", "volumes", "secrets"),
    ),
    "patternProperties": {"^x-": {}},
}
