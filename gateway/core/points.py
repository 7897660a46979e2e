"""Line protocol: the one place where a reading becomes text for InfluxDB.

Every part is escaped even where the grammar of topics leaves nothing to escape: a line must never be able to change another
point. Escaping rules: InfluxDB line protocol reference, "Special characters".
"""

from collections.abc import Iterable

_TAG_ESCAPES = str.maketrans({"\\": "\\\\", ",": "\\,", "=": "\\=", " ": "\\ ", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def escape_tag(text: str) -> str:
    """A tag key, tag value or field key.

    InfluxDB takes a separator behind any backslash as escaped, VictoriaMetrics one behind an odd number of them. So backslashes
    are doubled, which serves both, and one at the end, which would swallow the separator of InfluxDB, gets a mark behind it.
    """
    escaped = text.translate(_TAG_ESCAPES)
    return escaped + "_" if escaped.endswith("\\") else escaped


def tag_text(tags: Iterable[tuple[str, str]]) -> str:
    """Tags as they stand behind the measurement: ``,area=…,device=…``, sorted by key; empty values are left out."""
    return "".join(f",{escape_tag(key)}={escape_tag(value)}" for key, value in sorted(tags) if value)


def line(measurement: str, tags: str, fields: str, quality: int, seq: int | None, time_ms: int) -> str:
    """One point. ``fields`` is ``key=value,…``, not empty; numbers in Python's shortest exact form, which InfluxDB reads."""
    if seq is None:
        return f"{measurement}{tags} {fields},quality={quality}i {time_ms}"
    return f"{measurement}{tags} {fields},quality={quality}i,seq={seq}i {time_ms}"


def is_health_of(line_text: str, previous: str) -> bool:
    """Whether ``line_text`` is the device-health half of the reading whose first half is ``previous``."""
    return (
        line_text.startswith("device_health,")
        and not previous.startswith("device_health,")
        and line_text.rpartition(" ")[2] == previous.rpartition(" ")[2]
        and line_text.partition(" ")[0].partition(",")[2] == previous.partition(" ")[0].partition(",")[2]
    )
