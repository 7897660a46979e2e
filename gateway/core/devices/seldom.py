"""Attributes that few devices have."""

from typing import Any, Final, Generic, Protocol, TypeVar, overload

Attribute = TypeVar("Attribute")
_NOTHING: Final[dict[str, Any]] = {}


class HasSeldom(Protocol):
    """An object with such attributes.

    :ivar seldom: the values that are not the default, by the name of the attribute; None: there are none.
    """

    seldom: dict[str, Any] | None


class Seldom(Generic[Attribute]):
    """An attribute that few devices have: it takes room only where its value is not the default."""

    def __init__(self, default: Attribute) -> None:
        self._default = default
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, owner: None, kind: type) -> "Seldom[Attribute]": ...
    @overload
    def __get__(self, owner: HasSeldom, kind: type) -> Attribute: ...
    def __get__(self, owner: HasSeldom | None, kind: type) -> "Attribute | Seldom[Attribute]":
        if owner is None:
            return self
        value: Attribute = (owner.seldom or _NOTHING).get(self._name, self._default)
        return value

    def __set__(self, owner: HasSeldom, value: Attribute) -> None:
        if value != self._default:
            owner.seldom = {**(owner.seldom or {}), self._name: value}
        elif owner.seldom is not None:
            owner.seldom = {name: kept for name, kept in owner.seldom.items() if name != self._name} or None
