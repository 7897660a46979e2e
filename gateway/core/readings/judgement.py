"""The result of judging one value of a counter."""

from typing import Final, NamedTuple


class Judgement(NamedTuple):
    """Result of judging one value.

    :ivar suspect: it took a step that deserves quality bit 4.
    :ivar offset: its sum less its register; None: it is not believed, or not yet, and has no sum.
    """

    suspect: bool
    offset: float | None


SOUND: Final = Judgement(suspect=False, offset=0.0)
DOUBTED: Final = Judgement(suspect=True, offset=None)
TOO_LATE: Final = Judgement(suspect=False, offset=None)
