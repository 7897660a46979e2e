"""The options for devices of makes: ``--profile NAME=COUNT``, checked, and the list of encoders for people."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from firmware_sim.makers.maker import Maker
from firmware_sim.makers.table import MAKERS
from firmware_sim.options import BadOption

MOST_DEVICES: Final = 100_000
SECOND_MS: Final = 1000


def maker_counts(asked: Sequence[str], interval_s: float) -> Mapping[str, int]:
    """So many devices of each profile; a name given twice adds up.

    :param asked: ``NAME=COUNT``, or ``NAME`` for one device.
    :param interval_s: seconds of its clock between two readings of a device.
    :raises BadOption: with a sentence for people.
    """
    counts: dict[str, int] = {}
    for text in asked:
        name, has_count, number = text.partition("=")
        if has_count and not (number.isdecimal() and 1 <= int(number) <= MOST_DEVICES):
            raise BadOption(f"--profile {text}: {number!r} is not a number from 1 to {MOST_DEVICES}; write {name}=10")
        maker = MAKERS.get(name)
        if maker is None:
            raise BadOption(_unknown(name))
        if interval_s * SECOND_MS < maker.clock_ms:
            raise BadOption(
                f"--profile {name}: its time has steps of {maker.clock_ms / SECOND_MS:g} s, and no two readings may share one: "
                "lengthen --interval"
            )
        counts[name] = counts.get(name, 0) + int(number or 1)
    return counts


def _unknown(name: str) -> str:
    near = get_close_matches(name, MAKERS, n=1)
    listed = "firmware-sim profiles lists those that have one, and firmware-sim device plays any other"
    return f"--profile {name}: there is no encoder for this profile; {f'did you mean {near[0]}?' if near else listed}"


def profiles_text() -> str:
    """The table of encoders, a line each."""
    return "".join(
        f"{name:24} {maker.domain:8} {maker.wire:17} {' '.join(maker.forms) or '-':44} {_demanded(maker)}".rstrip() + "\n"
        for name, maker in MAKERS.items()
    )


def _demanded(maker: Maker) -> str:
    return ", ".join(f"{key}: {value}" for key, value in maker.params.items())
