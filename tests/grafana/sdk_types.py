"""Checks the models of grafana-foundation-sdk against their own type hints: the SDK itself takes any value."""

import types
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

Json = dict[str, Any]


def lost(given: object, kept: object, path: str = "") -> Iterator[str]:
    """Yield where a document that went through the models has lost or changed something."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            here = f"{path}.{key}"
            yield from lost(value, kept[key], here) if key in kept else [here]
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for value, other in zip(given, kept, strict=True):
            yield from lost(value, other, f"{path}[]")
    elif given != kept:
        yield path


def misfits(value: object, hint: Any = Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 - a type hint
    """Yield where a value is not of the type that its hint says, in it and in all that it holds."""
    if hint is Any or hint is object:
        yield from _of_model(value, path)
    elif _is_union(hint):
        ones = [one for one in typing.get_args(hint) if one is not types.NoneType]
        yield from [] if value is None else min((list(misfits(value, one, path)) for one in ones), key=len)
    elif typing.get_origin(hint) is typing.Literal:
        yield from [] if value in typing.get_args(hint) else [f"{path}: {value!r}"]
    elif typing.get_origin(hint) is list:
        yield from _of_list(value, typing.get_args(hint)[0], path)
    elif typing.get_origin(hint) is dict:
        yield from _of_dict(value, typing.get_args(hint)[1], path)
    elif isinstance(hint, type) and issubclass(hint, Enum):
        yield from [] if value in {one.value for one in hint} else [f"{path}: {value!r}"]
    elif isinstance(value, dict) and hasattr(hint, "from_json"):  # the SDK leaves some parts as they are
        yield from _of_model(hint.from_json(value), path)
    else:
        yield from [] if _is_a(value, hint) else [f"{path}: {value!r} is no {hint}"]
        yield from _of_model(value, path)


def _of_model(value: object, path: str) -> Iterator[str]:
    if type(value).__module__.startswith("grafana_foundation_sdk."):
        hints = typing.get_type_hints(type(value))
        for name, found in vars(value).items():
            yield from misfits(found, hints.get(name, Any), f"{path}.{name}")


def _of_list(value: object, hint: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - a type hint
    if not isinstance(value, list):
        yield f"{path}: {value!r} is no list"
        return
    for one in value:
        yield from misfits(one, hint, f"{path}[]")


def _of_dict(value: object, hint: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - a type hint
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no object"
        return
    for key, one in value.items():
        yield from misfits(one, hint, f"{path}.{key}")


def _is_a(value: object, hint: Any) -> bool:  # noqa: ANN401 - a type hint
    if hint is None or hint is types.NoneType:
        return value is None
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return not isinstance(hint, type) or isinstance(value, hint)


def _is_union(hint: Any) -> bool:  # noqa: ANN401 - a type hint
    return typing.get_origin(hint) in (typing.Union, types.UnionType)
