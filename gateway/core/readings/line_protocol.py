"""Line protocol: the one place where a reading becomes text for InfluxDB.

Every part is escaped even where the grammar of topics leaves nothing to escape: a line must never be able to change another
point. Escaping rules: InfluxDB line protocol reference, "Special characters".
"""

from collections.abc import Iterable, Sequence

from msgspec.json import Encoder

from schemas.readings import Value

Tags = tuple[tuple[str, str], ...]
"""Tags with their values, unescaped."""

_encode = Encoder().encode
_TAG_ESCAPES = str.maketrans({"\\": "\\\\", ",": "\\,", "=": "\\=", " ": "\\ ", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def escape_tag(text: str) -> str:
    """A tag key, tag value or field key.

    InfluxDB takes a separator behind any backslash as escaped, VictoriaMetrics one behind an odd number of them. So backslashes
    are doubled, which serves both, and one at the end, which would swallow the separator of InfluxDB, gets a mark behind it.
    """
    escaped = text.translate(_TAG_ESCAPES)
    return escaped + "_" if escaped.endswith("\\") else escaped


def tag_text(tags: Iterable[tuple[str, str]]) -> str:
    """Tags in the form that follows the measurement: ``,area=…,device=…``, sorted by key; empty values are left out."""
    return "".join(f",{escape_tag(key)}={escape_tag(value)}" for key, value in sorted(tags) if value)


def value_texts(values: Sequence[Value]) -> list[str]:
    """Numbers and states as line protocol has them.

    JSON has them in the same form, the shortest that is exact, and its encoder writes all of them in one call: half of the cost
    of a ``repr`` for each.
    """
    return _encode(values)[1:-1].decode().split(",")


def device_of_line(line: str) -> str | None:
    """The tag ``device`` of a point, as this gateway writes it: the grammar of devices leaves nothing to escape."""
    tags, separator = line.partition(" ")[0], ",device="
    return tags.partition(separator)[2].partition(",")[0] if separator in tags else None


def field_pieces(fields: Sequence[str]) -> list[str]:
    """The fields of a point as they follow its tags, in pieces: each key, then an empty place for the text of its value."""
    return [piece for at, field in enumerate(fields) for piece in (f"{',' if at else ' '}{escape_tag(field)}=", "")]
