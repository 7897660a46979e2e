"""The faults that pydantic finds in configuration, registry, shares and rules, as sentences for people."""

from typing import Final

from pydantic_core import ErrorDetails

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


_NUMBER: Final = "{value} is not a number"
_WHOLE: Final = "{value} is not a whole number"
_BOOLEAN: Final = "{value} is neither true nor false"
_DATE: Final = "{value} is not a date; write it as 2026-03-14"
_SENTENCES: Final[dict[str, str]] = {
    "missing": "is missing",
    "unexpected_keyword_argument": "there is no such key",
    "extra_forbidden": "there is no such key",
    "model_type": "this is not a mapping of keys and values",
    "dataclass_type": "this is not a mapping of keys and values",
    "dict_type": "this is not a mapping of keys and values",
    "list_type": "{value} is not a list",
    "string_type": "{value} is not a text; put it in quotes",
    "string_pattern_mismatch": "{value} may hold 1 to 64 of A-Z a-z 0-9 . _ : -",
    "string_too_short": "is empty",
    "string_too_long": "{value} is longer than {max_length} characters",
    "literal_error": "{value} is not one of {expected}",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "path_type": "{value} is not the name of a file",
    "greater_than": "{value} is not more than {gt:g}",
    "greater_than_equal": "{value} is less than {ge:g}",
    "less_than_equal": "{value} is more than {le:g}",
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
}
