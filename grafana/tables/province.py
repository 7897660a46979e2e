"""The province on one page: is all well, where is it not, and is as much supplied and used as the day before."""

from dataclasses import replace
from typing import Final

from grafana.ask import DAYS_BY_HOUR, Ask, Each, Over, Step, Where, false, true
from grafana.model import CRITICAL, HALF, MAP_POINTS_MAX, MISSING, WARNING, Column, Dashboard, Kind, Panel, Section, Size, Steps
from grafana.points import PLACE
from grafana.tables import common, flows, gateway
from grafana.tables.marks import marks
from grafana.text import both, joined
from grafana.units import AGO, COUNT, SHARE, unit_of
from schemas.quantities import HEALTH

PROVINCE: Final = "province"
SMALL: Final = Size(3, 4)
_NOT_PLANNED: Final = (true("active"), false("silenced"))
_SUPPLIES: Final = (("water", "volume_m3", "Nước", "Water"), ("power", "energy_import_kwh", "Điện", "Energy"))
_ABOUT_FLOWS: Final = (
    f"Cấp vào: đồng hồ đầu nguồn. Tiêu thụ: đồng hồ cuối. {flows.ABOUT[0]}",
    f"Supplied: the first meters on the way. Used: the last ones. {flows.ABOUT[1]}",
)


def _alarms(
    vi: str,
    en: str,
    about_vi: str,
    about_en: str,
    *,
    where: tuple[Where, ...] = _NOT_PLANNED,
    severity: str = "",
    steps: Steps = common.NONE_IS_BEST,
) -> Panel:
    tags = (("severity", severity),) if severity else ()
    counted = Ask("alarm", "active", Each.LAST, Step.NOW, Over.COUNT, (), tags, where, common.ALARM_EVERY)
    figure = common.stat(vi, en, counted, COUNT, about_vi, about_en, steps)
    return replace(figure, size=SMALL, leads_to="alarms")


def _silent() -> Panel:
    silent = Ask(HEALTH, "up", Each.LAST, Step.NOW, Over.COUNT, where=(false("up"),), within=gateway.MINUTES)
    figure = common.stat(
        "Máy im lặng",
        "Silent devices",
        silent,
        COUNT,
        "Thiết bị quá hạn chưa gửi số đo.",
        "Devices that are overdue.",
        common.NONE_IS_BEST,
    )
    return replace(figure, size=SMALL, leads_to="gateway")


def _completeness_yesterday() -> Panel:
    share = common.completeness("", "received", Step.RANGE, ("domain",), measurement="daily_completeness")
    return Panel(
        "Mức đầy đủ hôm qua, theo lĩnh vực",
        "Completeness yesterday, by domain",
        Kind.STAT,
        (share,),
        SHARE,
        Size(8, 4),
        "Số đo nhận được so với số đo phải có, kể cả thiết bị im lặng. Của cả khu vực, không lọc theo địa điểm và thiết bị.",
        "Readings received of those expected, silent devices included. Of whole areas, not of a site or device.",
        steps=common.COMPLETE,
        days=common.YESTERDAY,
        leads_to="completeness",
    )


def _gateways() -> Panel:
    return Panel(
        "Cổng thu thập",
        "Gateways",
        Kind.TABLE,
        gateway.alive("every_gateway"),
        COUNT,
        Size(4, 4),
        "Đang chạy: cổng đã ghi trạng thái trong 10 phút cuối. Khi cổng dừng, không ai xét cảnh báo.",
        "Running: it wrote its state in the last 10 minutes. While a gateway stands still, nobody judges alarms.",
        columns=(gateway.RUNNING,),
        without_data=gateway.NO_GATEWAY,
    )


def _open_at_devices(severity: str) -> Ask:
    return Ask(
        *("alarm", "active", Each.LAST, Step.NOW, Over.COUNT, ("device",)),
        tags=(("severity", severity),),
        where=_NOT_PLANNED,
        within=common.ALARM_EVERY,
        name=severity,
    )


def _map() -> Panel:
    lon = Ask("registry", "lon", Each.LAST, Step.NOW, Over.MAX, ("device",), within="3h", limit=MAP_POINTS_MAX)
    silent = Ask(
        HEALTH, "up", Each.LAST, Step.NOW, Over.COUNT, ("device",), where=(false("up"),), within=gateway.MINUTES, name="silent"
    )
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
        *("alarm", "since_ms", Each.LAST, Step.NOW, Over.MAX, ("severity", "alarm", "domain", *PLACE)),
        where=_NOT_PLANNED,
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
        "Chưa kết thúc, mới nhất trước, trừ nơi đang có việc theo kế hoạch.",
        "Not ended, the newest first, without those under planned work.",
        columns=(Column("since_ms", "Từ", "Since", AGO),),
        sort_by=both("Từ", "Since"),
        without_data=common.NO_ALARM,
    )


def _silent_by_site() -> Panel:
    silent = Ask(HEALTH, "up", Each.LAST, Step.NOW, Over.COUNT, ("area", "site"), where=(false("up"),), within=gateway.MINUTES)
    return Panel(
        "Thiết bị im lặng theo địa điểm",
        "Silent devices by site",
        Kind.TABLE,
        (silent,),
        COUNT,
        HALF,
        "Nhiều thiết bị cùng địa điểm im lặng cùng lúc: mất điện hoặc mất mạng tại đó, không phải hỏng thiết bị.",
        "Many devices of one site silent at once: supply or network of the site, not the devices.",
        columns=(Column("up", "Im lặng", "Silent", COUNT),),
        sort_by=both("Im lặng", "Silent"),
        without_data=both("Không có thiết bị im lặng", "No silent device"),
    )


def _alarms_by_hour() -> Panel:
    return Panel(
        "Cảnh báo mỗi giờ, theo mức độ",
        "Alarms of each hour, by severity",
        Kind.BARS,
        (Ask("alarm", "active", Each.TRUE, Step.HOUR, Over.COUNT, ("severity",)),),
        COUNT,
        HALF,
        "Cảnh báo đang diễn ra trong mỗi giờ.",
        "Alarms that were active in each hour.",
        least_interval="1h",
        without_data=common.NO_ALARM,
    )


def _by_hour(domain: str, counter: str, vi: str, en: str) -> Panel:
    """The same hours of today and the day before, on one axis."""
    today = [
        flows.of_areas(domain, word, "hourly_area", Step.HOUR, name=both(flows.WORDS[word], word))
        for word in (flows.SUPPLIED, flows.USED)
    ]
    before = [
        replace(asked, days_before=1, up_to_days=DAYS_BY_HOUR, name=joined(asked.name, both("hôm trước", "the day before")))
        for asked in today
    ]
    return Panel(
        f"{vi}: cấp vào và tiêu thụ mỗi giờ, so với hôm trước",
        f"{en}: supplied and used by hour, beside the day before",
        Kind.LINES,
        (*flows.with_doubt(*today), *before),
        unit_of(domain, counter),
        HALF,
        *_ABOUT_FLOWS,
        least_interval="1h",
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
            "Có ổn không?",
            "Is all well?",
            (
                _alarms(
                    "Nghiêm trọng",
                    "Critical",
                    "Cảnh báo nghiêm trọng chưa kết thúc, trừ nơi đang có việc theo kế hoạch.",
                    "Critical alarms that have not ended, without those under planned work.",
                    severity="critical",
                    steps=common.NONE_IS_GOOD,
                ),
                _alarms(
                    "Cảnh báo",
                    "Warnings",
                    "Cảnh báo mức thấp hơn chưa kết thúc, trừ nơi đang có việc theo kế hoạch.",
                    "Warnings that have not ended, without those under planned work.",
                    severity="warning",
                ),
                _alarms(
                    "Chưa ai nhận",
                    "Not seen to",
                    "Cảnh báo chưa kết thúc mà chưa ai nhận xử lý: gateway alarms ack.",
                    "Alarms that have not ended and that nobody has acknowledged: gateway alarms ack.",
                    where=(true("active"), false("acknowledged"), false("silenced")),
                ),
                _silent(),
                _completeness_yesterday(),
                _gateways(),
                _map(),
                _open_alarms(),
            ),
        ),
        Section("Cấp vào và tiêu thụ", "Supplied and used", tuple(_by_hour(*row) for row in _SUPPLIES)),
        Section("Ở đâu, từ khi nào", "Where, and since when", (_alarms_by_hour(), _silent_by_site())),
    ),
    refresh="1m",
    annotations=marks(),
)
