"""Points as the gateway would write them, of every quantity of the table: what the dashboards are asked over."""

from collections.abc import Iterator
from urllib.request import Request, urlopen

from schemas.quantities import DOMAINS, HEALTH, QUANTITIES, TEXT_TAGS, Kind, Quantity

STEP_MS = 15 * 60_000
STEPS = 4 * 24
SPREAD = 7
QUALITIES = (0, 1, 2, 4, 8, 16, 32, 64, 128)


def fill(url: str, now_ms: int, *, areas: bool) -> None:
    """One day of two devices per domain; the first has every state true, the second false and is silent."""
    lines = "\n".join(_lines(now_ms, areas=areas))
    request = Request(f"{url}/write?db=iot&precision=ms", lines.encode(), method="POST")  # noqa: S310 - loopback
    with urlopen(request, timeout=10) as response:  # noqa: S310 - loopback
        assert response.status == 204


def _lines(now_ms: int, *, areas: bool) -> Iterator[str]:
    for step in range(STEPS):
        time_ms = now_ms - (STEPS - step) * STEP_MS
        for domain in DOMAINS:
            for device in (1, 2):
                area = f",area=A{device}" if areas else ""
                place = f"{area},device=sim-{domain}-{device},site=site.{device}"
                texts = "".join(f",{tag}={tag}{device}" for tag in TEXT_TAGS)
                quality = QUALITIES[step % len(QUALITIES)]
                yield f"{domain}{place}{texts} {_fields(domain, step, device)},quality={quality}i,seq={step}i {time_ms}"
                yield f"{HEALTH}{place} {_fields(HEALTH, step, device)},quality=0i {time_ms}"
                up = "true" if device == 1 else "false"
                yield f"{HEALTH}{place} up={up},silence_s={step},clock_offset_s=1.5,seq_missing=2 {time_ms + 1}"
        yield f'gateway,gateway=gateway-1 pending={step},journal={step},clock=true,version="0.1.0" {time_ms}'


def _fields(measurement: str, step: int, device: int) -> str:
    return ",".join(f"{field}={_value(row, step, device)}" for field, row in QUANTITIES[measurement].items())


def _value(row: Quantity, step: int, device: int) -> str:
    if row.kind is Kind.STATE:
        return "true" if device == 1 else "false"
    if row.kind is Kind.COUNTER:
        return f"{1000.0 + step * device}"
    middle = (row.minimum + row.maximum) / 2  # 250 V: outside the band
    return f"{middle + (step % SPREAD) * (row.maximum - middle) / (2 * SPREAD)}"
