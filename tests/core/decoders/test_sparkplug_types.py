"""The numbers of Sparkplug's data types, as its specification has them."""

import pytest

from gateway.core.decoders.sparkplug_b import TYPES


@pytest.mark.parametrize(
    ("number", "name"),
    [
        *((1, "Int8"), (8, "UInt64"), (10, "Double"), (11, "Boolean"), (12, "String"), (13, "DateTime"), (14, "Text")),
        *((17, "Bytes"), (19, "Template"), (21, "PropertySetList"), (22, "Int8Array"), (30, "FloatArray")),
        (34, "DateTimeArray"),
    ],
)
def test_a_number_is_the_type_that_the_specification_says(number: int, name: str) -> None:
    assert TYPES[number] == name
    assert len(TYPES) == 35
