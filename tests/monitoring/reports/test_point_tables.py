"""Points of a device as tables."""

import io
import zipfile
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.commands.privacy.device_export import PointFiles
from gateway.ingest.database.store import WholePoint

AT_MS = 1_793_491_200_000


def test_columns_are_those_of_all_points_and_a_roll_up_in_two_places_is_one_row(tmp_path: Path) -> None:
    points, out = PointFiles(tmp_path, ZoneInfo("Asia/Ho_Chi_Minh")), io.BytesIO()
    with points:
        points.add(WholePoint("water", {"device": "m"}, AT_MS, {"flow_m3_h": 1.5}))
        points.add(WholePoint("water", {"device": "m", "channel": "b"}, AT_MS + 500, {"alarm_leak": True}))
        for _ in range(2):
            points.add(WholePoint("hourly", {"device": "m"}, AT_MS, {"volume_used_m3": 0.5}))
    with zipfile.ZipFile(out, "w") as archive:
        points.write(archive, "water")
        points.write(archive, "hourly")
        assert archive.read("readings/water.csv").decode().splitlines() == [
            "time,channel,device,alarm_leak,flow_m3_h",
            "2026-11-01T07:00:00.000+07:00,,m,,1.5",
            "2026-11-01T07:00:00.500+07:00,b,m,True,",
        ]
        assert archive.read("readings/hourly.csv").decode().splitlines()[1:] == ["2026-11-01T07:00:00.000+07:00,m,0.5"]
    assert points.counts == {"water": 2, "hourly": 1}
    assert points.quantities("en").splitlines()[1:] == [
        "water,flow_m3_h,m3/h,Flow",
        "water,alarm_leak,,Leak alarm",
        "hourly,volume_used_m3,,",
    ]
