"""The profile language, ``when``: tests on the value at paths; all of them must hold."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from schemas.profile_values import Mask, OneOrMore, Part, Scalar, Texts

TypeName = Literal["number", "text", "boolean", "list", "map", "null"]
_TYPES: Final = ("number", "text", "boolean", "list", "map", "null")
_PRESENCE: Final = {"present": True, "absent": False}


def _test(written: object) -> object:
    """The short form of a test, taken apart: values, names of types, texts with ``*`` or ``?``, ``present``, ``absent``."""
    if isinstance(written, Mapping):
        is_null = any(key in written and written[key] is None for key in ("is", "type"))
        return {key: value for key, value in written.items() if key != "is"} | {"type": "null"} if is_null else written
    test: dict[str, object] = {}
    values: list[object] = []
    for item in written if isinstance(written, list) else [written]:
        if item is None:  # null of YAML, which is the name of a type too
            test.setdefault("type", []).append("null")  # type: ignore[attr-defined] # lists all
        elif not isinstance(item, str):
            values.append(item)
        elif item in _PRESENCE:
            test["present"] = _PRESENCE[item]
        else:
            key = "type" if item in _TYPES else "glob" if "*" in item or "?" in item else "is"
            (values if key == "is" else test.setdefault(key, [])).append(item)  # type: ignore[attr-defined] # lists all
    return test | {"is": values} if values else test


class Test(Part):
    """A test in its long form: one of the alternatives must hold."""

    is_: OneOrMore | None = Field(None, alias="is", description="It is one of these values.")
    mask: Mask | None = Field(None, description="Only these bits of the number are looked at; without is: any of them is set.")
    type: Texts | None = Field(None, description=f"It is one of {', '.join(_TYPES)}.")
    glob: Texts | None = Field(None, description="A text of this form: * stands for any text, ? for one character.")
    present: bool | None = Field(None, description="true: there is something; false: there is nothing, or null.")


ShortTest = Annotated[
    Test,
    BeforeValidator(_test, json_schema_input_type=Scalar | None | list[Scalar | None] | Test),
    Field(
        description="A value, or a list of values of which one must be there; number, text, boolean, list, map or null for a "
        "type; present or absent; a text with * or ? in it. A path without a slash is a named level of the topic, or in each "
        "one of the item."
    ),
]


class When(Part):
    """Path → test. All must hold."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, ShortTest] = Field(init=False)

    any_present: list[str] | None = Field(None, min_length=1, description="There is something at one of these paths.")

    def tests(self) -> dict[str, Test]:
        """Path → test."""
        return dict(self.__pydantic_extra__)

    def without(self, path: str) -> "When":
        """The other tests."""
        others = self.model_copy()
        del others.__pydantic_extra__[path]
        return others

    def predicates(self) -> int:
        """The number of tests: of two profiles for one message the one with more wins."""
        return len(self.__pydantic_extra__) + (self.any_present is not None)


def _yes_or_when(written: object) -> object:
    return {} if written is True else written


YesOrWhen = Annotated[When, BeforeValidator(_yes_or_when, json_schema_input_type=Literal[True] | When)]
"""``true`` (always), or a ``when``."""
