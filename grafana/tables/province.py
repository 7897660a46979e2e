"""The province on one page: alarms, silence, completeness, supplied and used against yesterday and last week."""

from dataclasses import replace
from typing import Final

from grafana.ask import Ask, Each, Over, Question, Step, false, true
from grafana.model import CRITICAL, HALF, MAP_POINTS_MAX, MISSING, THIRD, WARNING, Column, Dashboard, Kind, Panel, Section, Size
from grafana.points import PLACE
from grafana.tables import common, flows
from grafana.tables.marks import marks
from grafana.text import both
from grafana.units import AGO, COUNT, SHARE, unit_of
from schemas.quantities import DOMAINS, HEALTH

PROVINCE: Final = "province"
_DAYS: Final = (
    (0, "24 giờ qua", "last 24 hours"),
    (1, "24 giờ trước đó", "the 24 hours before"),
    (7, "một tuần trước", "a week before"),
)
_SUPPLIES: Final = (("water", "volume_m3", "Nước", "Water"), ("power", "energy_import_kwh", "Điện", "Energy"))
_ABOUT_FLOWS: Final = (
    f"Cấp vào: đồng hồ đầu nguồn. Tiêu thụ: đồng hồ cuối. {flows.ABOUT[0]}",
    f"Supplied: the first meters on the way. Used: the last ones. {flows.ABOUT[1]}",
)


def _alarms_by(severity: str, vi: str, en: str) -> Panel:
    counted = Ask(
        *("alarm", "active", Each.LAST, Step.NOW, Over.COUNT),
        tags=(("severity", severity),),
        where=(true("active"), false("silenced")),
        within=common.ALARM_EVERY,
    )
    return common.stat(
        f"Cảnh báo {vi}",
        f"Alarms: {en}",
        counted,
        COUNT,
        "Số cảnh báo chưa kết thúc, trừ nơi đang có việc theo kế hoạch.",
        "Alarms that have not ended, without those under planned work.",
        common.NONE_IS_GOOD,
    )


def _silent() -> Panel:
    silent = Ask(HEALTH, "up", Each.LAST, Step.NOW, Over.COUNT, where=(false("up"),), within="10m")
    return common.stat(
        "Thiết bị im lặng",
        "Silent devices",
        silent,
        COUNT,
        "Số thiết bị quá hạn chưa gửi số đo.",
        "Devices that are overdue.",
        common.NONE_IS_GOOD,
    )


def _unacknowledged() -> Panel:
    waiting = Ask(
        *("alarm", "active", Each.LAST, Step.NOW, Over.COUNT),
        where=(true("active"), false("acknowledged"), false("silenced")),
        within=common.ALARM_EVERY,
    )
    return common.stat(
        "Chưa có người nhận",
        "Seen to by nobody",
        waiting,
        COUNT,
        "Số cảnh báo chưa kết thúc mà chưa ai nhận xử lý: gateway alarms ack.",
        "Alarms that have not ended and that nobody has acknowledged: gateway alarms ack.",
        common.NONE_IS_GOOD,
    )


def _open_at_devices(severity: str) -> Ask:
    return Ask(
        *("alarm", "active", Each.LAST, Step.NOW, Over.COUNT, ("device",)),
        tags=(("severity", severity),),
        where=(true("active"), false("silenced")),
        within=common.ALARM_EVERY,
        name=severity,
    )


def _map() -> Panel:
    lon = Ask("registry", "lon", Each.LAST, Step.NOW, Over.MAX, ("device",), within="3h", limit=MAP_POINTS_MAX)
    silent = Ask(HEALTH, "up", Each.LAST, Step.NOW, Over.COUNT, ("device",), where=(false("up"),), within="10m", name="silent")
    return Panel(
        "Bản đồ thiết bị",
        "Map of the devices",
        Kind.MAP,
        (lon, replace(lon, field="lat", limit=0), silent, *map(_open_at_devices, ("warning", "critical"))),
        unit_of("registry", "lat"),
        Size(12, 12),
        "Đỏ: có cảnh báo nghiêm trọng. Vàng: có cảnh báo. Xám: im lặng. Xanh: tốt. Bấm để mở thiết bị. Vị trí: "
        "lat, lon trong devices.yaml. Không có bản đồ nền: không tải hình từ nơi khác.",
        "Red: an open critical alarm. Amber: a warning. Grey: silent. Green: well. A click leads to the device. Place: "
        "lat, lon in devices.yaml. There is no base layer: nothing is loaded from elsewhere.",
        columns=(
            Column("lon", "Kinh độ", "Longitude"),
            Column("lat", "Vĩ độ", "Latitude"),
            *(
                Column(name, vi, en, COUNT, steps=((None, "transparent"), (1.0, color)))
                for name, vi, en, color in (
                    ("silent", "Im lặng", "Silent", MISSING),
                    ("warning", "Cảnh báo", "Warnings", WARNING),
                    ("critical", "Nghiêm trọng", "Critical", CRITICAL),
                )
            ),
        ),
        without_data=both("Chưa có lat, lon trong devices.yaml", "No lat, lon in devices.yaml yet"),
    )


def _open_alarms() -> Panel:
    open_ = Ask(
        *("alarm", "since_ms", Each.LAST, Step.NOW, Over.MAX, ("alarm", "severity", *PLACE)),
        where=(true("active"), false("silenced")),
        within=common.ALARM_EVERY,
        limit=common.ROWS,
    )
    return Panel(
        "Cảnh báo đang mở",
        "Open alarms",
        Kind.TABLE,
        (open_,),
        COUNT,
        Size(12, 12),
        "Các cảnh báo chưa kết thúc, mới nhất trước, trừ nơi đang có việc theo kế hoạch.",
        "Alarms that have not ended, the newest first, without those under planned work.",
        columns=(Column("since_ms", "Từ", "Since", AGO),),
        sort_by=both("Từ", "Since"),
        without_data=both("Không có cảnh báo", "No alarm"),
    )


def _completeness() -> Panel:
    return Panel(
        "Mức đầy đủ mỗi ngày",
        "Completeness of each day",
        Kind.LINES,
        tuple(
            question
            for domain in DOMAINS
            for question in common.completeness_by_choice(domain, "received", Step.DAY, both(*common.DOMAIN_NAMES[domain]))
        ),
        SHARE,
        HALF,
        "Số đo nhận được so với số đo phải có, theo lĩnh vực, 14 ngày qua.",
        "Readings received of those expected, by domain, in the last 14 days.",
        least_interval="1d",
        days=14,
        steps=common.COMPLETE,
        minimum=0.0,
        maximum=common.ALL,
        without_data=common.NO_WHOLE_DAY,
    )


def _silent_by_area() -> Panel:
    silent = Ask(HEALTH, "up", Each.LAST, Step.NOW, Over.COUNT, ("area", "site"), where=(false("up"),), within="10m")
    return Panel(
        "Thiết bị im lặng theo địa điểm",
        "Silent devices by site",
        Kind.TABLE,
        (silent,),
        COUNT,
        HALF,
        "Nhiều thiết bị cùng địa điểm im lặng cùng lúc: mất điện hoặc mất mạng tại đó, không phải hỏng thiết bị.",
        "Many devices of one site silent at once: supply or network of the site, not the devices.",
        columns=(Column("up", "Im lặng", "Silent"),),
        sort_by=both("Im lặng", "Silent"),
        without_data=both("Không có thiết bị im lặng", "No silent device"),
    )


def _flows(measurement: str, step: Step, domain: str) -> tuple[Question, ...]:
    words = (flows.SUPPLIED, flows.USED)
    asked = (flows.of_areas(domain, word, measurement, step, name=both(flows.WORDS[word], word)) for word in words)
    return flows.with_doubt(*asked)


def _supply_by_hour(domain: str, counter: str, vi: str, en: str) -> tuple[Panel, ...]:
    """The same hours of today, yesterday and last week, one beside the other."""
    return tuple(
        Panel(
            f"{vi}: {day_vi}",
            f"{en}: {day_en}",
            Kind.LINES,
            _flows("hourly_area", Step.HOUR, domain),
            unit_of(domain, counter),
            THIRD,
            f"Mỗi giờ. {_ABOUT_FLOWS[0]}",
            f"In each hour. {_ABOUT_FLOWS[1]}",
            least_interval="1h",
            days=1,
            days_before=before,
            minimum=0.0,
            without_data=flows.NOT_MEASURED,
        )
        for before, day_vi, day_en in _DAYS
    )


def _supply_by_day(domain: str, counter: str, vi: str, en: str) -> Panel:
    return Panel(
        f"{vi}: cấp vào và tiêu thụ mỗi ngày",
        f"{en}: supplied and used by day",
        Kind.LINES,
        _flows("daily_area", Step.DAY, domain),
        unit_of(domain, counter),
        HALF,
        f"31 ngày qua. {_ABOUT_FLOWS[0]}",
        f"The last 31 days. {_ABOUT_FLOWS[1]}",
        least_interval="1d",
        days=31,
        minimum=0.0,
        without_data=flows.NOT_MEASURED,
    )


DASHBOARD: Final = Dashboard(
    PROVINCE,
    "Toàn tỉnh",
    "Province",
    common.variables("registry"),
    (
        Section(
            "Bây giờ",
            "Now",
            (
                *(_alarms_by(*row) for row in (("critical", "nghiêm trọng", "critical"), ("warning", "cần xem", "warning"))),
                _unacknowledged(),
                _silent(),
                *(common.completeness_stat(domain, named=True) for domain in ("water", "power")),
                _map(),
                _open_alarms(),
                _completeness(),
                _silent_by_area(),
            ),
        ),
        Section(
            "Cấp vào và tiêu thụ",
            "Supplied and used",
            (
                *(panel for row in _SUPPLIES for panel in _supply_by_hour(*row)),
                *(_supply_by_day(*row) for row in _SUPPLIES),
            ),
        ),
    ),
    annotations=marks(),
)
