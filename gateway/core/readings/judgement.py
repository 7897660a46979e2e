"""The result of judging one value of a counter."""

from typing import Final, NamedTuple

from gateway.core.readings.steps import RegisterStep


class Judgement(NamedTuple):
    """Result of judging one value.

    :ivar suspect: it took a step that deserves quality bit 4.
    :ivar offset: its sum less its register; None: it is not believed, or not yet, and has no sum.
    :ivar step: the step, if people must explain it.
    """

    suspect: bool
    offset: float | None
    step: RegisterStep | None = None


SOUND: Final = Judgement(suspect=False, offset=0.0)
DOUBTED: Final = Judgement(suspect=True, offset=None)
TOO_LATE: Final = Judgement(suspect=False, offset=None)


def is_older(value: float, believed: float | None) -> bool:
    """Tell if a register in a reading with bit 64 was read before its time says: it shows less than is believed.

    A message that waited, or comes a second time, and has its time from the gateway, stands behind newer ones. It is no step.
    A register that was reset meanwhile is believed once its readings are not marked any more.
    """
    return believed is not None and value < believed
