"""A true figure, and an amount of which it is made. Pure."""

from typing import Final, NamedTuple

ROUNDING: Final = 3e-6


class Truth(NamedTuple):
    """A true figure.

    :ivar value: None: it is not measured, and must not be shown.
    :ivar within: how far meters' digits may be off.
    :ivar unknowable: why nobody can know it; empty: it can be known.
    :ivar may_be_absent: it need not be shown.
    :ivar is_most: more is wrong even if it is marked: a step that nobody told must not count.
    :ivar is_part: it is that of some areas, since that of another one is not measured: it is rightly marked.
    """

    value: float | None
    within: float = ROUNDING
    unknowable: str = ""
    may_be_absent: bool = False
    is_most: bool = False
    is_part: bool = False


class Amount(NamedTuple):
    """A signed amount of several meters."""

    value: float
    within: float
    unknowable: str

    def __add__(self, other: "Amount") -> "Amount":  # type: ignore[override]
        return Amount(self.value + other.value, self.within + other.within, self.unknowable or other.unknowable)

    def __neg__(self) -> "Amount":
        return Amount(-self.value, self.within, self.unknowable)


NOTHING: Final = Amount(0.0, 0.0, "")
