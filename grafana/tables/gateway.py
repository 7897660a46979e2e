"""The gateway itself and all registered devices.

The first sections stand on points that the gateway writes to InfluxDB each minute. The last one needs a Prometheus data
source that collects the gateway's ``/metrics``; it is closed, and asks nothing until it is opened.
"""

from typing import Final

from grafana import influxql
from grafana.influxql import EVERY, select
from grafana.model import (
    GREEN,
    HALF,
    RED,
    STAT_SIZE,
    YELLOW,
    Column,
    Dashboard,
    Influx,
    Kind,
    Panel,
    Section,
    Size,
    Variable,
    Word,
    both,
)
from grafana.tables import common, metrics
from grafana.units import COUNT, DURATION, unit_of
from schemas.quantities import DOMAINS, HEALTH

GATEWAY: Final = "gateway"
CHOSEN_GATEWAY: Final = '$timeFilter AND "gateway" =~ /^${gateway:regex}$/'

CLOCK_STEPS: Final = ((None, YELLOW), (-60.0, GREEN), (60.0, YELLOW))
TRUSTED: Final = {"true": Word("đúng · trusted", GREEN), "false": Word("bị nghi ngờ · doubted", RED)}
UP: Final = {"true": Word("có tín hiệu · up", GREEN), "false": Word("im lặng · silent", RED)}


def _own(what: str, every: str = "") -> str:
    """A question to the gateway's own points."""
    group = f'time({every}), "gateway" fill(none)' if every else '"gateway"'
    return f'SELECT {what} FROM "gateway" WHERE {CHOSEN_GATEWAY} GROUP BY {group}'  # noqa: S608 - from our tables


def _own_over_time(field: str, vi: str, en: str, unit: str, about_vi: str, about_en: str) -> Panel:
    target = (Influx(_own(f'max("{field}")', EVERY), "$tag_gateway"),)
    return Panel(vi, en, Kind.LINES, target, unit, HALF, about_vi, about_en, minimum=0.0)


def _state() -> Panel:
    fields = ("pending", "journal", "clock", "version")
    return Panel(
        "Cổng thu thập",
        "Gateways",
        Kind.TABLE,
        (Influx(_own(", ".join(f'last("{field}") AS "{field}"' for field in fields))),),
        COUNT,
        Size(24, 5),
        "Trạng thái mà từng cổng thu thập ghi gần nhất.",
        "What each gateway last wrote about itself.",
        columns=(
            Column("pending", "Số đo đang chờ", "Readings pending", COUNT),
            Column("journal", "Trong đó trên đĩa", "Of these in the journal", COUNT),
            Column("clock", "Đồng hồ", "Clock", words=TRUSTED),
            Column("version", "Phiên bản", "Version"),
        ),
    )


def _devices_last(up: str) -> str:
    last = select('last("up") AS "up"', HEALTH, ("device",))
    return influxql.outer('count("up")', last, also=f'"up" = {up}')


def _silent_over_time() -> Panel:
    each = select('last("up") AS "up"', HEALTH, ("device", "site"), EVERY)
    return Panel(
        "Số thiết bị im lặng",
        "Silent devices",
        Kind.AREAS,
        (Influx(influxql.outer('count("up")', each, ("site",), EVERY, also='"up" = false'), common.BY_SITE),),
        COUNT,
        HALF,
        "Nhiều thiết bị cùng địa điểm im lặng cùng lúc: mất điện hoặc mất mạng tại đó, không phải hỏng thiết bị.",
        "Many devices of one site silent at once: supply or network of the site, not the devices.",
        minimum=0.0,
    )


def _readings() -> Panel:
    targets = tuple(
        Influx(select('count("quality")', domain, every=EVERY), both(*common.DOMAIN_NAMES[domain])) for domain in DOMAINS
    )
    return Panel(
        "Số đo theo lĩnh vực",
        "Readings by domain",
        Kind.AREAS,
        targets,
        COUNT,
        HALF,
        "Số lượng số đo đã ghi vào InfluxDB trong mỗi 5 phút trở lên (theo thời điểm đo).",
        "Readings that stand in InfluxDB, per interval of at least five minutes (by the time they were taken).",
        least_interval="5m",
    )


def _all_devices() -> Panel:
    fields = ("up", "silence_s", "clock_offset_s", "seq_missing", "battery_pct", "battery_v", "rssi_dbm", "snr_db")
    lasts = ", ".join(f'last("{field}") AS "{field}"' for field in fields)
    health = {field: unit_of(HEALTH, field) for field in ("battery_pct", "battery_v", "rssi_dbm", "snr_db")}
    return Panel(
        "Thiết bị đã đăng ký",
        "Registered devices",
        Kind.TABLE,
        (Influx(select(lasts, HEALTH, ("device", "site"))),),
        COUNT,
        Size(24, 10),
        "Lần cuối nghe thấy, độ lệch đồng hồ, số bản tin thiếu, pin và sóng của từng thiết bị.",
        "When each device was last heard, how far its clock is off, messages missing, battery and radio.",
        columns=(
            Column("up", "Tín hiệu", "Heard", words=UP),
            Column("silence_s", "Nghe lần cuối cách đây", "Last heard before", DURATION),
            Column("clock_offset_s", "Lệch đồng hồ", "Clock offset", "s", steps=CLOCK_STEPS),
            Column("seq_missing", "Bản tin thiếu", "Messages missing", COUNT),
            Column("battery_pct", "Pin", "Battery", health["battery_pct"], steps=((None, RED), (20.0, YELLOW), (40.0, GREEN))),
            Column("battery_v", "Điện áp pin", "Battery voltage", health["battery_v"]),
            Column("rssi_dbm", "Sóng", "Signal", health["rssi_dbm"], steps=((None, RED), (-115.0, YELLOW), (-100.0, GREEN))),
            Column("snr_db", "SNR", "SNR", health["snr_db"]),
        ),
        sort_by="Nghe lần cuối cách đây · Last heard before",
    )


def _device_stat(vi: str, en: str, up: str, about_vi: str, about_en: str) -> Panel:
    steps = common.NONE_IS_GOOD if up == "false" else ()
    target = (Influx(_devices_last(up)),)
    return Panel(vi, en, Kind.STAT, target, COUNT, STAT_SIZE, about_vi, about_en, steps=steps, without_data="0")


DASHBOARD: Final = Dashboard(
    GATEWAY,
    "Cổng thu thập và thiết bị",
    "Gateway and devices",
    (Variable("gateway", "Cổng thu thập", "Gateway", influxql.tag_values("gateway", GATEWAY)), *common.variables(HEALTH)),
    (
        Section(
            "Cổng thu thập",
            "Gateway",
            (
                _state(),
                _own_over_time(
                    "pending",
                    "Số đo đang chờ ghi",
                    "Readings pending",
                    COUNT,
                    "Tăng mãi: InfluxDB không nhận kịp hoặc đã dừng.",
                    "Growing without end: InfluxDB is too slow or down.",
                ),
                _own_over_time(
                    "journal",
                    "Số đo chờ trong nhật ký tạm",
                    "Readings in the journal",
                    COUNT,
                    "Số đo chờ trên đĩa vì InfluxDB không nhận. Bình thường là 0.",
                    "Readings that wait on disk because InfluxDB did not take them. Normally none.",
                ),
            ),
        ),
        Section(
            "Thiết bị",
            "Devices",
            (
                _device_stat("Có tín hiệu", "Heard", "true", "Thiết bị gửi đúng hạn.", "Devices that report in time."),
                _device_stat("Im lặng", "Silent", "false", "Thiết bị quá hạn chưa gửi.", "Devices that are overdue."),
                *(common.flagged_stat(domain, named=True) for domain in DOMAINS),
                _silent_over_time(),
                _readings(),
                _all_devices(),
            ),
        ),
        metrics.SECTION,
    ),
)
