"""``python -m tests.catalogues FOLDER...``: which examples of public catalogues come out as their makers wrote them.

Numbers may differ by a billionth, and times are compared to the millisecond. Each difference is printed, then the shares.
"""

import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

from gateway.core.message import CodecAsk
from gateway.core.readings.clock_trust import rfc3339_ms
from gateway.ingest.codecs.process import SyncCodecs
from tests.catalogues.makers_examples import Example, examples

_TOLERANCE: Final = 1e-9
_SHOWN_CHARACTERS: Final = 100


def difference(should: object, found: object, place: str = "") -> str:
    """Describe the first difference between two values; empty if there is none."""
    if isinstance(should, dict) and isinstance(found, dict):
        keys = [key for key in {**should, **found} if should.get(key) is not None or found.get(key) is not None]
        return next((text for key in keys if (text := difference(should.get(key), found.get(key), f"{place}/{key}"))), "")
    if isinstance(should, list) and isinstance(found, list) and len(should) == len(found):
        pairs = enumerate(zip(should, found, strict=True))
        return next((text for at, pair in pairs if (text := difference(*pair, f"{place}/{at}"))), "")
    return "" if _same(should, found) else f"{place or '/'} should be {_shown(should)}, but is {_shown(found)}"


def _same(should: object, found: object) -> bool:
    if isinstance(should, str) and isinstance(found, str) and should != found:
        time_ms = rfc3339_ms(should)
        return time_ms is not None and time_ms == rfc3339_ms(found)
    if isinstance(should, bool) or isinstance(found, bool):
        return should is found
    if isinstance(should, int | float) and isinstance(found, int | float):
        return abs(should - found) <= _TOLERANCE * max(1.0, abs(should))
    return should == found


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def run(example: Example, codecs: SyncCodecs) -> str:
    """In what a codec differs from what its maker says; empty where it does not."""
    answer = codecs.call(CodecAsk(str(example.codec), example.payload, example.port, example.received_ms))
    if example.errors:
        return "" if answer.fault is not None else f"should be the errors {_shown(example.errors)}, but is data"
    if answer.fault is not None:
        return f"fault: {answer.fault}"
    return difference(_plain(example.data), answer.data)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever YAML made of it
    """The value as JSON has it: YAML turns some texts into times."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else value.isoformat().replace("+00:00", "Z")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main(folders: list[Path]) -> int:
    """Run all; 1 when nothing was found."""
    asked: Counter[str] = Counter()
    same: Counter[str] = Counter()
    for folder in folders:
        found = list(examples(folder))
        with SyncCodecs({str(codec): codec for codec in {example.codec for example in found}}) as codecs:
            for example in found:
                text = run(example, codecs)
                asked[example.catalogue] += 1
                same[example.catalogue] += not text
                if text:
                    _say(f"{example.codec.relative_to(folder)}: {example.name}: {text}")
    for catalogue, count in asked.items():
        _say(f"{catalogue}: {same[catalogue]} of {count} examples as their makers wrote them, {same[catalogue] / count:.1%}")
    if not asked:
        _say("no examples found: give the folder of a checkout, in which vendor or vendors stands")
    return 0 if asked else 1


if __name__ == "__main__":
    sys.exit(main([Path(argument) for argument in sys.argv[1:]]))
