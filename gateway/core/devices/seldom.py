"""Attributes that few devices have."""

from typing import Any, Final, Generic, TypeVar

Attribute = TypeVar("Attribute")
_NOTHING: Final[dict[str, Any]] = {}


class Seldom(Generic[Attribute]):
    """An attribute that few devices have: it stands in the owner's ``seldom`` only where its value is not the default."""

    def __init__(self, default: Attribute) -> None:
        self._default = default
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, owner: Any, kind: type) -> Attribute:  # noqa: ANN401 - whoever has such attributes
        value: Attribute = (owner.seldom or _NOTHING).get(self._name, self._default)
        return value

    def __set__(self, owner: Any, value: Attribute) -> None:  # noqa: ANN401
        if value != self._default:
            owner.seldom = {**(owner.seldom or {}), self._name: value}
        elif owner.seldom is not None:
            owner.seldom = {name: kept for name, kept in owner.seldom.items() if name != self._name} or None
